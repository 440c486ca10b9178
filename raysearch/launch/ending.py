"""How the end of a study's session is written down, whatever it is, and told."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from raysearch.errors import (
    ChangedError,
    DiskBudgetError,
    FinalTestError,
    NoFinishedTrialError,
    StoppedError,
)
from raysearch.launch.stop_flag import StopFlag
from raysearch.ledger.history import History
from raysearch.ledger.ledger import Ledger
from raysearch.ledger.study_records import OUT_OF_TIME, TEST_FAILED, Closed
from raysearch.study.folders import resume_command
from raysearch.study.study import Study


@contextmanager
def end_recorded(study: Study) -> Iterator[None]:
    """Have an error's reason recorded before it goes up; the runs under way have their last checkpoints."""
    try:
        yield
    except DiskBudgetError:
        study.close("disk budget")
        raise
    except ChangedError:
        study.close("changed")
        raise
    except FinalTestError as error:
        study.close(TEST_FAILED)
        folder = study.ledger.folder
        raise FinalTestError(
            f"{folder.name}: {error}\neverything else is saved; to try that again: {resume_command(folder)}"
        ) from error


def closed(study: Study, stop: StopFlag) -> History:
    """Write down how it ended, and say so if that is not its end."""
    name = study.ledger.folder.name
    if stop.signal_number is not None:
        study.close("stopped", signal.Signals(stop.signal_number).name)
        raise StoppedError(f"stopped, {stop.saved}", stop.signal_number)
    study.close("gave up" if study.gave_up else "finished" if study.is_over else OUT_OF_TIME)
    if study.history.best is None:
        # Eight trials that fail alike are one line, not eight.
        failures = dict.fromkeys(trial.failure.strip().splitlines()[-1] for trial in study.history.committed)
        lines = [f"{name}: no trial finished{_why_none(study)}", *list(failures)[:3]]
        raise NoFinishedTrialError("\n".join(lines))
    return study.history


def _why_none(study: Study) -> str:
    """Why no trial finished, where not all of them were carried out."""
    if study.gave_up:
        return "; gave up, as the first ones all failed alike"
    return "" if study.is_over else f"; out of time, go on with: {resume_command(study.ledger.folder)}"


def close_at_once(ledger: Ledger, stop: StopFlag, reason: str) -> None:
    """Write down why the process is ended there and then, in the thread that has noticed."""
    name = signal.Signals(stop.signal_number).name if stop.signal_number is not None else ""
    ledger.append_between(Closed(reason=reason, signal=name))
