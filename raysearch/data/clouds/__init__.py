"""Point clouds: what generators of few points in a large space are trained on and judged by."""
