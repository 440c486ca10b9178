"""How trials and runs end, and how many of each there are, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from raysearch.ledger.trial_history import TrialHistory

OVER = ("finished", "pruned", "refused", "failed")
ALWAYS_TOLD = ("finished", "failed")


def count_states(trials: Iterable[TrialHistory], states: Sequence[str] = OVER) -> str:
    """Write how many are over, and how: ``10 finished, 2 pruned, 1 refused, 3 failed (2 oom, 1 time)``."""
    there = list(trials)
    counts = Counter[str](trial.state for trial in there)
    told = [state for state in states if counts[state] or state in ALWAYS_TOLD]
    return ", ".join(f"{counts[state]} {state}{_kinds(there, state)}" for state in told)


def _kinds(trials: Sequence[TrialHistory], state: str) -> str:
    """What trials have failed of, the most frequent first, in brackets; nothing of other states."""
    kinds = Counter(trial.failure.partition(":")[0] for trial in trials if trial.state == state == "failed")
    told = ", ".join(f"{n_trials} {kind}" for kind, n_trials in kinds.most_common() if kind)
    return f" ({told})" if told else ""
