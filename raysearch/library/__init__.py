"""raysearch as a library: studies are begun, taken up and looked into here; the command line is its first user."""
