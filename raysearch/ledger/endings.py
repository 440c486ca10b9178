"""How trials and runs end, and how many of each there are, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from raysearch.ledger.history import TrialHistory

OVER = ("finished", "pruned", "refused", "failed")
ALWAYS_TOLD = ("finished", "failed")


def count_states(trials: Iterable[TrialHistory], states: Sequence[str] = OVER) -> str:
    """Write how many are over, and how: ``10 finished, 2 pruned, 1 refused, 0 failed``."""
    counts = Counter[str](trial.state for trial in trials)
    told = [state for state in states if counts[state] or state in ALWAYS_TOLD]
    return ", ".join(f"{counts[state]} {state}" for state in told)
