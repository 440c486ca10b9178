"""What ends an attempt at a run and is no outcome of it."""

from __future__ import annotations


class LostError(Exception):
    """A process that the run needs is gone, which says nothing about its settings: it is tried again."""
