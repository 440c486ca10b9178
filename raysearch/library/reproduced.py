"""What a trial came to when its runs were done again, beside what the ledger has."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from raysearch.ledger.history import History
from raysearch.ledger.trial_history import RunHistory

RELATIVE, ABSOLUTE = 0.02, 0.002  # what figures of another machine may differ by: either is enough


@dataclass(frozen=True)
class Reproduced:
    """What a trial came to when its runs were done again.

    Attributes:
        study: its name.
        trial: its number.
        epochs: that were trained.
        elsewhere: what decides bits and is another than it was, such as the processor; empty where bits must
            be equal.
        differences: what differs from the ledger: on the same machine by a bit, else by more than 2 % and
            0.002. Empty if the trial is reproduced.
        seconds: that it took.
    """

    study: str
    trial: int
    epochs: int
    elsewhere: tuple[str, ...]
    differences: tuple[str, ...]
    seconds: float

    @property
    def lines(self) -> list[str]:
        """All of it for people, the verdict first."""
        done = f"{self.study}: trial {self.trial} trained again, {self.epochs} epochs in {self.seconds:.0f} s"
        others = [f"  {other}" for other in self.elsewhere]
        if self.differences:
            return [f"{done}: differs from the ledger", *(f"  {each}" for each in self.differences), *others]
        if self.elsewhere:
            return [f"{done}: figures within 2 % or 0.002; bits are not compared, as they depend on", *others]
        return [f"{done}: metrics, objective and weights are the ledger's to the bit"]


def differences(
    history: History, before: Sequence[RunHistory], now: Sequence[RunHistory], *, exactly: bool
) -> Iterator[str]:
    """What differs between a trial's runs and the same ones before, a line each.

    Args:
        history: of the study.
        before: the runs as the ledger has them.
        now: as they came out again.
        exactly: to the bit, or within the tolerance.
    """
    created = history.created
    for old, new in zip(before, now, strict=True):
        place = f"{created.run_word} {old.fold}: " if len(before) > 1 else ""
        for difference in _differences(old, new, created.objective, exactly=exactly):
            yield f"{place}{difference}"


def _differences(before: RunHistory, now: RunHistory, objective: str, *, exactly: bool) -> Iterator[str]:
    """Compare a run with the same one before."""
    assert before.ended is not None
    assert now.ended is not None
    if now.ended.failure:
        yield f"failed this time, {now.ended.failure}: {now.ended.message.strip().splitlines()[-1]}"
        return
    for epoch in sorted(before.epochs.keys() & now.epochs.keys()):
        old, new = before.epochs[epoch].metrics, now.epochs[epoch].metrics
        yield from _figures(f"epoch {epoch}, ", old, new, exactly=exactly)
    yield from _figures("", {objective: before.ended.value}, {objective: now.ended.value}, exactly=exactly)
    if exactly:
        for name in ("state", "best_epoch", "epochs", "weights_sha256"):
            old, new = getattr(before.ended, name), getattr(now.ended, name)
            if old != new:
                yield f"{name}: {old} in the ledger, {new} now"


def _figures(
    place: str, old: Mapping[str, float | None], new: Mapping[str, float | None], *, exactly: bool
) -> Iterator[str]:
    for name in sorted(old.keys() | new.keys()):
        one, other = old.get(name), new.get(name)
        if one == other:
            continue
        is_near = (
            one is not None
            and other is not None
            and math.isclose(one, other, rel_tol=RELATIVE, abs_tol=ABSOLUTE)
        )
        if exactly or not is_near:
            yield f"{place}{name}: {one!r} in the ledger, {other!r} now"
