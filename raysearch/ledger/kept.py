"""Which trials' weights a study keeps for good, as its space file's ``storage.keep`` has it."""

from __future__ import annotations

from raysearch.ledger.history import History
from raysearch.ledger.trial_history import TrialHistory
from raysearch.space.sections import StorageSection


def kept_trials(history: History) -> list[TrialHistory]:
    """Finished trials whose weights stay, the best first, and of several objectives the Pareto front too.

    Of equal ones the first that was committed is the better one. A study may be older than ``storage``.
    """
    keep = StorageSection.model_validate(history.created.space_file.get("storage", {})).keep
    # sorted() is stable, hence by order of commit: of two equal trials the same one stays on every resume.
    scored = [(point, trial) for trial in history.commit_order if (point := history.point(trial)) is not None]
    ranked = [trial for _, trial in sorted(scored, key=lambda pair: pair[0])]
    best = ranked if keep == "all" else ranked[:keep]
    front = history.front if history.created.others else []
    return list({trial.number: trial for trial in [*best, *front]}.values())
