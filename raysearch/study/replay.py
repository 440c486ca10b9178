"""The search as it stood where the ledger ends: asked and told all of it once more."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from raysearch.errors import StorageError
from raysearch.ledger.asking_records import Asked, Redrawn
from raysearch.ledger.entries import Entry
from raysearch.ledger.history import History
from raysearch.ledger.run_records import Committed
from raysearch.ledger.trial_history import TrialHistory
from raysearch.study.asking import Asking

ALL_OF_FIRST, ONE_OF_OTHERS, ALL_OF_LAST = 100, 50, 10  # proposals that a replay computes again


def replay(
    entries: Iterable[Entry], history: History, asking: Asking, folder: Path, n_proven: int = 0
) -> None:
    """Bring the search to where the ledger ends.

    Args:
        entries: of the ledger.
        history: what is known by them.
        asking: asks a search that was not asked for anything yet.
        folder: of the study, to name it by.
        n_proven: first records whose proposals need no proof (see ``proof.py``).

    Raises:
        StorageError: the search proposes other settings than the ledger holds.
    """
    # A searcher's state is in no file: the same asks and tells make it again, and each
    # proposal that comes out as it was is the proof. Another version of Optuna or NumPy
    # shows here and not as a silently other study. Of a long study a part is proof enough.
    for entry in entries:
        record = entry.record
        if isinstance(record, (Asked, Redrawn)):
            is_proven = entry.seq < n_proven
            verify = _is_proof(record.trial, len(history.trials), is_proven=is_proven)
            proposed = asking.again(record, verify=verify)
            if _what(proposed) != _what(record):
                raise StorageError(
                    f"{folder}: replaying trial {record.trial}, the search proposes {_in_words(proposed)} "
                    f"where the ledger has {_in_words(record)}; were packages changed since?"
                )
        elif isinstance(record, Committed) and record is history.trials[record.trial].told:
            asking.tell(record.trial, told_values(history, history.trials[record.trial]))


def _is_proof(trial: int, n_trials: int, *, is_proven: bool) -> bool:
    """Whether the search is to propose a trial again: the first, some between, the last, which know all."""
    if trial >= n_trials - ALL_OF_LAST:
        return True
    return not is_proven and (trial < ALL_OF_FIRST or trial % ONE_OF_OTHERS == 0)


def told_values(history: History, trial: TrialHistory) -> list[float] | None:
    """What the search is told of a committed trial: of a pruned one its value so far, of a failed one None.

    Searchers minimise, whatever the objectives do.
    """
    record = trial.told  # a replay tells what it was told, whatever came of another try
    assert record is not None
    if record.value is None:
        return None
    signs = [-1.0 if more else 1.0 for more in history.created.others.values()]
    others = [sign * value for sign, value in zip(signs, record.others.values(), strict=True)]
    return [history.as_loss(record.value), *others]


def _what(proposed: Asked | Redrawn) -> tuple[dict[str, Any], int | None]:
    return proposed.settings, proposed.parent if isinstance(proposed, Asked) else None


def _in_words(proposed: Asked | Redrawn) -> str:
    settings, parent = _what(proposed)
    return f"{settings}" + ("" if parent is None else f" from trial {parent}")
