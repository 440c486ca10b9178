"""Who hears what goes on in a study: every record and, if he wants to, when the search is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, runtime_checkable

from raysearch.ledger.entries import Entry
from raysearch.ledger.history import History
from raysearch.ledger.run_records import Started

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


class HearingRuns:
    """A listener, and beside it somebody who only wants to know when a run begins.

    Args:
        listen: hears everything.
        begun: called with each run that begins.
    """

    def __init__(self, listen: Listener, begun: Callable[[], None]) -> None:
        self._listen, self._begun = listen, begun

    def __call__(self, entry: Entry, history: History) -> None:
        """Pass a record on."""
        self._listen(entry, history)
        if isinstance(entry.record, Started):
            self._begun()

    def asking(self, trial: int | None) -> None:
        """Pass on that the search is being asked."""
        listen: object = self._listen
        if isinstance(listen, HearsAsks):
            listen.asking(trial)
