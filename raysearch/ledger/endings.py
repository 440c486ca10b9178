"""How trials and runs end, and how many of each there are, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from raysearch.ledger.history import History
from raysearch.ledger.trial_history import TrialHistory

OVER = ("finished", "pruned", "refused", "failed")
ALWAYS_TOLD = ("finished", "failed")
ENOUGH = 3  # trials that are equal by no chance


def count_states(trials: Iterable[TrialHistory], states: Sequence[str] = OVER) -> str:
    """Write how many are over, and how: ``10 finished, 2 pruned, 1 refused, 3 failed (2 oom, 1 time)``."""
    there = list(trials)
    counts = Counter[str](trial.state for trial in there)
    told = [state for state in states if counts[state] or state in ALWAYS_TOLD]
    return ", ".join(f"{counts[state]} {state}{_kinds(there, state)}" for state in told)


def alike_line(history: History) -> str:
    """Say that all finished trials have the same value of the objective, so that none is best; or nothing."""
    values = {trial.committed.value for trial in history.committed if trial.committed and _finished(trial)}
    n_finished = sum(map(_finished, history.committed))
    if n_finished < ENOUGH or len(values) > 1:
        return ""
    return (
        f"all {n_finished} finished trials have {history.created.objective} = {values.pop():.6g} to the last "
        "digit: it does not depend on what is searched, and the best is only the first"
    )


def _finished(trial: TrialHistory) -> bool:
    return trial.state == "finished"


def _kinds(trials: Sequence[TrialHistory], state: str) -> str:
    """What trials have failed of, the most frequent first, in brackets; nothing of other states."""
    kinds = Counter(trial.failure.partition(":")[0] for trial in trials if trial.state == state == "failed")
    told = ", ".join(f"{n_trials} {kind}" for kind, n_trials in kinds.most_common() if kind)
    return f" ({told})" if told else ""
