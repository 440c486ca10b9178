"""A study carried out to its end, or until a signal: its runs, then the best model on the test set."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path

import torch

from raysearch.errors import ChangedError, DiskBudgetError, NoFinishedTrialError, StoppedError
from raysearch.launch.executor import Executor
from raysearch.launch.orders import order_for
from raysearch.launch.own_code import reference_of
from raysearch.launch.points import gate_of
from raysearch.launch.request import NO_WISH, Wish
from raysearch.launch.stop_flag import LOG, StopFlag
from raysearch.launch.versions import cpu_model, versions
from raysearch.ledger.history import History
from raysearch.ledger.ledger import Ledger
from raysearch.ledger.place import inode_of
from raysearch.ledger.run_records import Tested
from raysearch.ledger.study_records import OUT_OF_TIME, Closed, Opened
from raysearch.study.folders import resume_command
from raysearch.study.mending import sound_in
from raysearch.study.study import Listener, Study


@contextmanager
def _one_thread() -> Iterator[None]:
    """Have torch compute on one: the search computes here, too; its bits must not depend on the cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@_one_thread()
def carry_out(
    ledger: Ledger,
    executor: Executor,
    listen: Listener,
    opened: Callable[[Path], None],
    wish: Wish = NO_WISH,
    stop: StopFlag | None = None,
) -> History:
    """Carry a study out to its end, or until a signal.

    Args:
        ledger: of a created study.
        executor: carries out the runs.
        listen: told every record.
        opened: called with the folder once the study is open, for whoever follows the ledger.
        wish: more trials, a wider window, another disk budget, other limits.
        stop: hears signals; by default one that says nothing of what it waits for.

    Raises:
        InputError: a wish is wrong, or nothing of the space may be run.
        StoppedError: a signal; everything is saved.
        NoFinishedTrialError: no trial finished.
        DiskBudgetError: the study's files take more than its budget; everything is saved.
        ChangedError: its data or code are not those that it began with; everything is saved.
        StorageError: the disk is full or failed.
    """
    study = Study(
        ledger,
        listen,
        sound_in(ledger.folder),
        lambda space_file: gate_of(
            space_file, lambda: reference_of(ledger.folder, study.history, study.history.codes[-1])
        ),
    )
    # From here on Ctrl-C only asks, so that the ledger always says why a study ended.
    with nullcontext(stop) if stop is not None else StopFlag() as flag:
        flag.listen()
        flag.saved = f"everything is saved; go on with: {resume_command(ledger.folder)}"
        flag.waits_for = lambda: _under_way(study, executor)
        flag.at_the_end = partial(_close_at_once, ledger, flag)
        flag.log = ledger.folder / LOG
        session = Opened(
            session=len(study.history.sessions) + 1,
            host=socket.gethostname(),
            pid=os.getpid(),
            slots=executor.slots,
            versions=versions(),
            cpu=cpu_model(),
            folder=str(ledger.folder.resolve()),
            inode=inode_of(ledger.folder),
        )
        try:
            study.begin(session, wish)
            # After the session is in the ledger, which the mirror that is started here reads.
            opened(ledger.folder)
            study.redo_lost()
            flag.allow(study.history.run_limits.time_s)
            _execute(study, executor, flag)
            flag.allow(None)  # the best so far is tested, however long that takes
            # The test set is looked at when the search is over: what is decided after a look is too good.
            if not flag.requested:
                _test_best(study, executor, flag)
        # Its reason is recorded before it goes up; the runs under way have their last checkpoints.
        except DiskBudgetError:
            study.close("disk budget")
            raise
        except ChangedError:
            study.close("changed")
            raise
        except StoppedError:
            pass  # the flag says so as well
        finally:
            flag.waits_for, flag.at_the_end = lambda: "", lambda _: None
        return _closed(study, flag)


def _closed(study: Study, stop: StopFlag) -> History:
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


def _under_way(study: Study, executor: Executor) -> str:
    """What a stop waits for, for the user."""
    created = study.history.created
    runs = [run for trial in study.history.trials for run in trial.runs if run.in_flight]
    names = [
        f"{run.trial}" + (f" {created.run_word} {run.fold + 1}" if created.folds > 1 else "") for run in runs
    ]
    return f"{executor.at_a_stop} trial{'s' if len(names) > 1 else ''} {', '.join(names)}" if names else ""


def _close_at_once(ledger: Ledger, stop: StopFlag, reason: str) -> None:
    """Write down why the process is ended there and then, in the thread that has noticed."""
    name = signal.Signals(stop.signal_number).name if stop.signal_number is not None else ""
    ledger.append_between(Closed(reason=reason, signal=name))


def _execute(study: Study, executor: Executor, stop: StopFlag) -> None:
    """Carry the runs out, until the weights of the best are there as well, or until a signal."""
    executor.execute(study, stop)
    # A file may have gone while the others trained.
    while not stop.requested and study.history.best is not None:
        study.redo_lost(study.history.best.runs)
        if not study.history.to_redo:
            return
        executor.execute(study, stop)


def _test_best(study: Study, executor: Executor, stop: StopFlag) -> None:
    """Apply the best model, with folds the model of each, to the test set; once for each best."""
    best = study.history.best
    if best is None:
        return
    done = {(record.trial, record.fold) for record, _ in study.history.tests}
    for run in best.runs:
        # A resume of a finished study, or one that was killed between two folds, does not look a second time.
        if (run.trial, run.fold) in done:
            continue
        assert run.ended is not None
        order = order_for(study, study.as_run(run, run.attempt))
        with stop.breaking_off("the test of the best model"):
            outcome = executor.evaluate(order, run.ended.weights, run.ended.weights_sha256)
        study.tested(
            Tested(
                trial=run.trial,
                fold=run.fold,
                metrics=outcome.metrics,
                predictions=outcome.predictions,
                predictions_sha256=outcome.predictions_sha256,
                n_test=outcome.n_test,
                latency=outcome.latency,
                message=outcome.message,
            )
        )
