"""Who hears what goes on in a study: every record and, if he wants to, when the search is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, runtime_checkable

from raysearch.ledger.entries import Entry
from raysearch.ledger.history import History

Listener = Callable[[Entry, History], None]


@runtime_checkable  # asked with isinstance, so that a function is a listener too
class HearsAsks(Protocol):
    """A listener that shows what a study waits for while its search computes."""

    def asking(self, trial: int | None) -> None:
        """The search is being asked for a trial; None when it is no more."""
        ...


@contextmanager
def asking(listen: object, trial: int) -> Iterator[None]:
    """Let a listener that wants to know it hear that the search is asked for a trial in this block."""
    if not isinstance(listen, HearsAsks):
        yield
        return
    listen.asking(trial)
    try:
        yield
    finally:
        listen.asking(None)
