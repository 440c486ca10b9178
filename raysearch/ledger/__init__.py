"""The study's append-only record, the only truth about it. Knows nothing of search or training."""
