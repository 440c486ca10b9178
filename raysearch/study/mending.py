"""Which runs are carried out again: for kept weights that are gone or damaged, or since they had failed.

A run has the same bits whenever it is carried out, so that nothing is lost with a file but time. A run that
began from another's weights needs those first, and so on up to a run that began anew.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from raysearch.errors import StorageError
from raysearch.files import read_sound
from raysearch.ledger.history import History
from raysearch.ledger.kept import kept_trials
from raysearch.ledger.mending_records import Redone
from raysearch.ledger.run_records import Ended
from raysearch.ledger.trial_history import RunHistory

IsSound = Callable[[Ended], bool]


def sound_in(folder: Path) -> IsSound:
    """What tells whether a run's checkpoint is in a study's folder, whole; a damaged one is set aside."""
    return lambda ended: read_sound(folder / ended.weights) is not None


def needed_weights(history: History, possible_parents: Collection[int] = ()) -> list[RunHistory]:
    """Runs whose weights are kept, or are begun from by trials that are not over or yet to be asked."""
    numbers = {trial.number for trial in kept_trials(history)} | {*possible_parents}
    numbers |= {trial.parent for trial in history.trials if not trial.committed and trial.parent is not None}
    return [
        run
        for number in sorted(numbers)
        for run in history.trials[number].runs
        if run.ended and run.ended.weights
    ]


def lost_weights(history: History, runs: Iterable[RunHistory], is_sound: IsSound) -> list[RunHistory]:
    """Of these runs, and of those that they began from, the ones to carry out again; ancestors first."""
    found: dict[tuple[int, int], RunHistory] = {}
    for each in runs:
        line: list[RunHistory] = []
        run: RunHistory | None = each
        while run is not None and (run.trial, run.fold) not in {*found, *history.to_redo}:
            if run.ended is None or not run.ended.weights or is_sound(run.ended):
                break
            line.append(run)
            begun = history.inherited(run.trial, run.fold)
            run = history.run(begun.trial, begun.fold) if begun else None
        found |= {(run.trial, run.fold): run for run in reversed(line)}
    return list(found.values())


def next_redo(history: History, handed_out: Collection[tuple[int, int]]) -> RunHistory | None:
    """The next run to carry out again: one whose parent's weights are there."""
    for place, run in history.to_redo.items():
        begun = history.inherited(*place)
        if place not in handed_out and not (begun and (begun.trial, begun.fold) in history.to_redo):
            return run
    return None


def redone(known: RunHistory, again: Ended) -> Redone:
    """What the ledger says of a run that was carried out again.

    Raises:
        StorageError: it has come to other weights, or to none.
    """
    before = known.ended
    assert before is not None  # it was over
    if again.weights_sha256 != before.weights_sha256:
        sha256 = again.weights_sha256
        came_to = (
            f"weights with SHA-256 {sha256[:16]}" if again.weights else f"{again.state}: {again.message}"
        )
        changing = before.facts.get("changing_workers")
        by = f", which {changing} had trained" if changing else ""
        raise StorageError(
            f"trial {known.trial}, whose weights were gone or damaged, was trained again and came to "
            f"{came_to}, not to those of the ledger ({before.weights_sha256[:16]}){by}: are this the "
            "machine, the packages and the number of workers that it was trained with? "
            f"Else restore {before.weights} from a copy"
        )
    return Redone(
        trial=again.trial,
        fold=again.fold,
        attempt=again.attempt,
        weights=again.weights,
        weights_sha256=again.weights_sha256,
        seconds=again.seconds,
    )


def to_retry(history: History) -> list[int]:
    """Trials of which a run failed that may end otherwise another time.

    One whose loss is no number comes to the same again, as it has the same seed.
    """
    return [
        trial.number
        for trial in history.committed
        if not trial.is_open_again
        and any(
            run.ended and run.ended.state == "failed" and run.ended.failure != "nonfinite"
            for run in trial.runs
        )
    ]
