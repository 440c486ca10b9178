"""What has to be shown anew of a study whose ledger grows: at each look the runs that new records are of."""

from __future__ import annotations

from collections.abc import Sequence

from raysearch.ledger.entries import Entry
from raysearch.tracking.view import RunView, StudyView


class GrowingViews:
    """Gives at each look the study's own run, and of its trials those of which something has changed.

    What is known is kept and only new records are taken in, so that a look at a study of thousands of
    trials takes no longer than what is new. It takes a ledger that does not go on from the one before,
    such as one that was cut and repaired, from its beginning.
    """

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._study = StudyView()
        self._taken = 0
        self._last: Entry | None = None  # of those taken
        self._shared: tuple[bool, str | None] | None = None  # what the runs of all trials hang on

    def changed(self, entries: Sequence[Entry], *, is_held: bool, parent: str | None = None) -> list[RunView]:
        """Return the study's run and after it the changed ones of its trials and folds, parents first.

        Args:
            entries: all of the ledger.
            is_held: whether a process holds the study.
            parent: key of the series' run, if there is one.
        """
        if self._last is not None and entries[self._taken - 1 : self._taken] != [self._last]:
            self._begin()
        new, front = entries[self._taken :], self._study.front
        self._study.take(new, is_held=is_held)
        self._taken, self._last = len(entries), entries[-1]
        shared, self._shared = self._shared, (self._study.goes_on, parent)
        trials = self._study.history.trials
        numbers = {getattr(entry.record, "trial", None) for entry in new} | (front ^ self._study.front)
        # Records without one are of the study: another session's versions, say, are tags of all its runs.
        if shared != self._shared or None in numbers:
            return self._study.views(parent, trials)
        return self._study.views(parent, (trial for trial in trials if trial.number in numbers))
