"""Neural networks: nn.Module only, without data, loss or logging."""
