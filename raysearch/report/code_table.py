"""Which code of a user's own task a study ran, and from which trial on it was another."""

from __future__ import annotations

from raysearch.ledger.history import History
from raysearch.report.blocks import Block, Heading, Table, text


def own_code(history: History) -> list[Block]:
    """Tell the files of the task's own code; nothing for a task of the package."""
    codes = [code for code in history.codes if code]
    if not codes:
        return []
    # A study of version 0.1.0 had kept none before.
    later = [number for number in range(1, len(history.codes)) if history.codes[number - 1]]
    return [
        Heading("Code", 3),
        *(text(_changed(number, history)) for number in later),
        Table(("file of the task", "SHA-256"), tuple(codes[-1].items())),
    ]


def _changed(number: int, history: History) -> str:
    """Say which files a study went on with were others, and whose runs they trained."""
    before, now = history.codes[number - 1], history.codes[number]
    names = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
    trials = [
        str(trial.number)
        for trial in history.trials
        if any(run.attempt and run.code == now for run in trial.runs)
    ]
    return (
        f"The code was changed in mid-study, on purpose: {', '.join(names)}. "
        f"Trials whose last attempt ran the changed code: {', '.join(trials) or 'none'}. "
        "What came before was another program's."
    )
