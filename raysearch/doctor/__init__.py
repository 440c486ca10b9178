"""`raysearch doctor`: what is wrong on this machine, looked at without starting or changing anything."""
