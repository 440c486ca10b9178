"""raysearch as a library: studies begun, taken up, looked into. The command line is its first user."""
