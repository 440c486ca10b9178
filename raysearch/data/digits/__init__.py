"""Files of handwritten digits, and digits as point clouds of their brightest pixels."""
