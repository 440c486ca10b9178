"""One line for each event of a study."""

from __future__ import annotations

from raysearch.ledger.entries import Entry
from raysearch.ledger.history import History
from raysearch.ledger.mending_records import Redone, WeightsLost
from raysearch.ledger.run_records import Committed, Ended, Lost, Started, Tested
from raysearch.ledger.study_records import Opened
from raysearch.ledger.trial_history import TrialHistory
from raysearch.library.time_left import left


def event_line(entry: Entry, history: History) -> str:
    """Tell in one line of a record that people care about; empty for others."""
    record = entry.record
    if isinstance(record, Opened):
        line = (
            f"study {history.name}: {history.n_trials} trials, {history.n_committed} done, "
            f"window {history.window}"
        )
    elif isinstance(record, Started):
        again = f", attempt {record.attempt}" if record.attempt > 1 else ""
        if record.workers is not None:
            again += (
                f", with {record.workers} of {history.created.space_file['resources']['workers']} workers"
            )
        line = f"{_run(record, history)} started{again}: {settings_text(history.trials[record.trial])}"
    elif isinstance(record, Ended):
        line = f"{_run(record, history)} {_ending(record, history)}"
    elif isinstance(record, Lost):
        line = (
            f"{_run(record, history)} lost its process, will go on from its last checkpoint: {record.reason}"
        )
    # Without folds the end of the one run has told it already.
    elif isinstance(record, Committed) and history.created.folds > 1 and record.value is not None:
        line = (
            f"trial {record.trial} {record.state}: {history.created.objective} {_mean(history, record.trial)}"
        )
    elif isinstance(record, (WeightsLost, Redone)):
        line = mending_line(record, history)
    elif isinstance(record, Tested):
        remark = f"; {record.message}" if record.message else ""
        line = f"{_run(record, history)}, the best, was applied to {record.n_test} test examples{remark}"
    else:
        return ""
    return line


def mending_line(record: WeightsLost | Redone, history: History) -> str:
    """Tell of weights that were lost, and came back."""
    if isinstance(record, WeightsLost):
        return f"{_run(record, history)}: its weights are gone or damaged; it is trained again, to the same"
    return f"{_run(record, history)}: its weights are there again, the same, in {record.seconds:.1f} s"


def _run(record: Started | Ended | Lost | Tested | WeightsLost | Redone, history: History) -> str:
    """Name a run: ``trial 3``, or where trials have several ``trial 3 fold 1/5``."""
    runs, word = history.created.folds, history.created.run_word
    return f"trial {record.trial}" + (f" {word} {record.fold + 1}/{runs}" if runs > 1 else "")


def _ending(record: Ended, history: History) -> str:
    if record.state in {"finished", "pruned"} and record.value is not None:
        reached = (
            f"{history.created.objective} {record.value:.5g} at epoch {record.best_epoch} of {record.epochs}"
        )
        remark = f"; {record.message}" if record.message else ""
        return f"{record.state}: {reached}, {record.seconds:.1f} s; {left(history)}{remark}"
    if record.state == "refused":
        return f"refused: {last_line(record.message)}"
    return f"FAILED ({record.failure}): {last_line(record.message)}"


def _mean(history: History, number: int) -> str:
    """The mean over the runs that count, and how many they are."""
    trial = history.trials[number]
    assert trial.committed is not None
    n_ended = sum(run.ended is not None for run in trial.runs)
    return f"{trial.committed.value:.5g}, mean of {n_ended} of {len(trial.runs)} {history.created.run_word}s"


def last_line(message: str) -> str:
    """Of a traceback, the line that says what went wrong."""
    return (message.strip().splitlines() or [""])[-1]


def settings_text(trial: TrialHistory) -> str:
    """A trial's settings in one line."""
    return " ".join(f"{k}={v:.3g}" if isinstance(v, float) else f"{k}={v}" for k, v in trial.settings.items())
