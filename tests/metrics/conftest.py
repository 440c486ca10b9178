"""Property tests draw the same examples each time and have no deadline on a busy machine."""

from hypothesis import settings

settings.register_profile("same-each-time", derandomize=True, deadline=None)
settings.load_profile("same-each-time")
