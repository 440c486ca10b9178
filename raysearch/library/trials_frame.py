"""A study's trials as a table of pandas."""

from __future__ import annotations

from typing import Any

import pandas as pd

from raysearch.ledger.history import History
from raysearch.ledger.trial_history import TrialHistory
from raysearch.library.facts import trial_facts

OWN = ("state", "value", "epochs", "seconds", "parameters", "mflop", "failure")


def trials_frame(history: History) -> pd.DataFrame:
    """Write all trials of a study into a table: that of :meth:`OpenedStudy.trials`."""
    others, settings = list(history.created.others), history.created.settings
    columns = ["state", "value", *others, *(name for name in OWN if name not in {"state", "value"})]
    # A task may have a setting of any name, epochs or state among them.
    named = {name: f"settings.{name}" if name in columns else name for name in settings}
    rows = [_row(trial, others, named) for trial in history.trials]
    index = pd.Index([trial.number for trial in history.trials], name="trial")
    return pd.DataFrame(rows, index=index, columns=[*columns, *named.values()])


def _row(trial: TrialHistory, others: list[str], named: dict[str, str]) -> dict[str, Any]:
    facts = trial_facts(trial)
    return {
        **{name: facts[name] for name in OWN},
        "value": facts["reached"],
        **{name: facts["others"].get(name) for name in others},
        **{named[name]: value for name, value in trial.settings.items()},
    }
