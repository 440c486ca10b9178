"""A study carried out to its end, or until a signal: its runs, then the best model on the test set."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path

import torch

from raysearch.errors import StoppedError
from raysearch.launch.ending import close_at_once, closed, end_recorded
from raysearch.launch.executor import Executor
from raysearch.launch.orders import order_for
from raysearch.launch.own_code import reference_of
from raysearch.launch.points import gate_of
from raysearch.launch.request import NO_WISH, Wish
from raysearch.launch.stop_flag import LOG, StopFlag
from raysearch.launch.versions import cpu_model, deciding_proposals, versions
from raysearch.ledger.history import History
from raysearch.ledger.ledger import Ledger
from raysearch.ledger.place import inode_of
from raysearch.ledger.run_records import Tested
from raysearch.ledger.study_records import Opened
from raysearch.space.space_file import SpaceFile
from raysearch.study.asking import Gate
from raysearch.study.folders import resume_command
from raysearch.study.listening import Listener
from raysearch.study.mending import sound_in
from raysearch.study.proof import Proof
from raysearch.study.study import Study


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
        FinalTestError: the best model could not be applied to the test set; everything else is saved.
        StorageError: the disk is full or failed.
    """
    study = _study(ledger, listen)
    # From here on Ctrl-C only asks, so that the ledger always says why a study ended.
    with nullcontext(stop) if stop is not None else StopFlag() as flag:
        # Of a stop the flag knows as well.
        with _heard(flag, study, executor), end_recorded(study), suppress(StoppedError):
            study.begin(_session(study, executor.slots), wish)
            # After the session is in the ledger, which the mirror that is started here reads.
            opened(ledger.folder)
            study.redo_lost()
            _search(study, executor, flag)
            # The test set is looked at when the search is over: what is decided after a look is too good.
            if not flag.requested:
                _test_best(study, executor, flag)
        return closed(study, flag)


def _study(ledger: Ledger, listen: Listener) -> Study:
    """Open the study of a ledger, with checkpoints and points as its folder and its task have them."""

    def make_gate(space_file: SpaceFile) -> Gate:
        return gate_of(
            space_file, lambda: reference_of(ledger.folder, study.history, study.history.codes[-1])
        )

    proof = Proof(ledger, deciding_proposals())
    study = Study(ledger, listen, sound_in(ledger.folder), make_gate, proof)
    return study


@contextmanager
def _heard(flag: StopFlag, study: Study, executor: Executor) -> Iterator[None]:
    """Have the flag know, while the study is carried out, what a stop waits for and how to end it at once."""
    folder = study.ledger.folder
    flag.listen()
    flag.saved = f"everything is saved; go on with: {resume_command(folder)}"
    flag.log = folder / LOG
    flag.waits_for = lambda: _under_way(study, executor)
    flag.at_the_end = partial(close_at_once, study.ledger, flag)
    try:
        yield
    finally:
        flag.waits_for, flag.at_the_end = lambda: "", lambda _: None


def _session(study: Study, slots: int) -> Opened:
    """Write down who takes the study up, where and with what."""
    folder = study.ledger.folder
    return Opened(
        session=len(study.history.sessions) + 1,
        host=socket.gethostname(),
        pid=os.getpid(),
        slots=slots,
        versions=versions(),
        cpu=cpu_model(),
        folder=str(folder.resolve()),
        inode=inode_of(folder),
    )


def _under_way(study: Study, executor: Executor) -> str:
    """What a stop waits for, for the user."""
    created = study.history.created
    runs = [run for trial in study.history.trials for run in trial.runs if run.in_flight]
    names = [
        f"{run.trial}" + (f" {created.run_word} {run.fold + 1}" if created.folds > 1 else "") for run in runs
    ]
    return f"{executor.at_a_stop} trial{'s' if len(names) > 1 else ''} {', '.join(names)}" if names else ""


def _search(study: Study, executor: Executor, stop: StopFlag) -> None:
    """Carry the runs out, until the weights of the best are there as well, until a signal, or out of time."""
    stop.allow(study.history.run_limits.time_s)
    executor.execute(study, stop)
    # A file may have gone while the others trained.
    while not stop.requested and study.history.best is not None:
        study.redo_lost(study.history.best.runs)
        if not study.history.to_redo:
            break
        executor.execute(study, stop)
    stop.allow(None)  # the best so far is tested, however long that takes


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
