"""From a space file to a running study, and on to its end: the steps that ``tune`` and ``resume`` share."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from raysearch.cluster.cgroups import usable_cpus
from raysearch.cluster.disk_need import DiskNeed, check_budget, check_free, disk_need
from raysearch.cluster.environment import prepare_environment
from raysearch.cluster.executor import Executor, StopFlag, order_for, source_of
from raysearch.cluster.request import NO_WISH, Where, Wish
from raysearch.cluster.run_environment import only_visible
from raysearch.data.source import changes
from raysearch.errors import DiskBudgetError, InputError, NoFinishedTrialError, StoppedError
from raysearch.ledger.history import History
from raysearch.ledger.ledger import Ledger, read_entries
from raysearch.ledger.records import Created, Opened, Tested
from raysearch.search.make import complete_options, default_window, sampler_problems
from raysearch.seeds import generator
from raysearch.space.space_file import ResourcesSection, SpaceFile
from raysearch.study.folders import check_writable, resume_command
from raysearch.study.study import Listener, Study
from raysearch.training.checkpoint import write_durably
from raysearch.training.rehearsal import Rehearsal, Wanted, rehearse
from raysearch.training.settings import divide, setting_problems

PACKAGES = ("raysearch", "ray", "torch", "optuna", "nevergrad", "numpy", "mlflow", "h5py")
DECIDES_BITS = ("raysearch", "torch", "optuna", "nevergrad", "numpy")


@dataclass(frozen=True)
class Prepared:
    """A study that passed every check and can be created."""

    space_file: SpaceFile
    rehearsal: Rehearsal

    def disk_need(self, slots: int) -> DiskNeed:
        """The most room it may take with so many runs at a time."""
        window = _window(self.space_file, slots)
        return disk_need(self.space_file, self.rehearsal, window, self.space_file.search.trials)


def prepare(space_file: SpaceFile, runs: Path) -> Prepared:
    """Check all that can be checked before anything starts.

    Raises:
        InputError: sampler, task, settings or data are wrong, or the disk budget is too small.
        FolderError: the folder of studies cannot be written.
        StorageError: not enough disk space for the study's checkpoints.
    """
    n_objectives = max(len(space_file.objectives), 1)
    problems = sampler_problems(space_file.search, space_file.searched, n_objectives)
    if problems:
        raise InputError(*problems)
    options = complete_options(space_file.search.sampler, space_file.search.options)
    search = space_file.search.model_copy(update={"options": options, "enqueue": tuple(space_file.enqueued)})
    space_file = space_file.model_copy(update={"search": search})
    check_writable(runs)
    rehearsal = _rehearse(space_file)
    prepared = Prepared(space_file, rehearsal)
    need = prepared.disk_need(slots=usable_cpus())
    check_budget(need, space_file.storage.disk)
    check_free(need, runs)
    return prepared


def _window(space_file: SpaceFile, slots: int) -> int:
    return space_file.search.window or default_window(space_file.search, slots)


def _rehearse(space_file: SpaceFile) -> Rehearsal:
    space = space_file.searched
    points = [space.complete(space.sample(generator(space_file.seed, "rehearsal"))), *space.corners]
    with only_visible(space_file.resources.environment):  # from here on the task's code is run
        if problems := setting_problems(space_file.task, space_file.strategy, points):
            raise InputError(*problems)
        first, *corners = (divide(space_file.strategy, point) for point in points)
        wanted = Wanted(
            space_file.objectives,
            space_file.limits.given,
            by_gradient=space_file.strategy is None,
            precisions=tuple(dict.fromkeys(divided.precision for divided in (first, *corners))),
        )
        return rehearse(
            space_file.task, source_of(space_file), first.task, [corner.task for corner in corners], wanted
        )


def create_study(prepared: Prepared, folder: Path, slots: int, series: str = "") -> Ledger:
    """Make a study's folder and ledger.

    Args:
        prepared: the checked study.
        folder: where it is to lie.
        slots: runs at a time; sets the default window.
        series: the series it belongs to.

    Raises:
        InputError: with so many slots the disk budget is too small.
        FolderError: it cannot be written, or holds a study already.
        StorageError: the disk is full or failed.
    """
    space_file, rehearsal = prepared.space_file, prepared.rehearsal
    check_budget(prepared.disk_need(slots), space_file.storage.disk)
    ledger = Ledger(folder, create=True)
    (objective, maximise), *others = rehearsal.objectives.items()
    created = Created(
        study=f"{series}/{folder.name}" if series else folder.name,
        space_file=space_file.model_dump(mode="json"),
        identity=space_file.identity,
        task_sha256=task_sha256(space_file.task),
        objective=objective,
        maximise=maximise,
        window=_window(space_file, slots),
        folds=space_file.budget.runs,
        data={"path": space_file.data.path or "", "split": list(space_file.data.split), **rehearsal.data},
        settings=list(space_file.searched.domains),
        others=dict(others),
        series=series,
    )
    write_durably(folder / "space.yaml", space_file.to_yaml().encode())
    ledger.append([created])
    return ledger


def check_unchanged(folder: Path, *, allow_skew: bool, wish: Wish = NO_WISH) -> SpaceFile:
    """Check that what decided a study's results is still the same, and return its space file.

    Raises:
        InputError: data, task code or package versions differ, all differences are named; or what is wished for does
            not fit into the disk budget.
    """
    history = History(read_entries(folder))
    created = history.created
    space_file = SpaceFile.model_validate(created.space_file)
    problems = []
    if task_sha256(space_file.task) != created.task_sha256:
        problems.append(
            f"task: {space_file.task} was changed since the study began; start a new study with it"
        )
    rehearsal = _rehearse(space_file)
    problems += changes(created.data["files"], rehearsal.data["files"], "the study began")
    if history.sessions and not allow_skew:
        before, now = history.sessions[0][0].versions, versions()
        problems += [
            f"{name}: {before.get(name)} when the study began, {now[name]} now; install that version, or accept "
            "other bits from here on with --allow-skew"
            for name in DECIDES_BITS
            if before.get(name) != now[name]
        ]
    if problems:
        raise InputError(*problems)
    window = max(history.window, wish.window or 0)
    need = disk_need(space_file, rehearsal, window, history.n_trials + wish.extra_trials)
    check_budget(need, wish.disk or history.disk)
    return space_file


@contextmanager
def executor_for(where: Where, resources: ResourcesSection) -> Iterator[Executor]:
    """Open what carries the runs out, and give it back at the end.

    Raises:
        InputError: a variable that runs are to see is not set.
        ResourceError: the resources asked for are not there.
    """
    if where.address is None and (absent := sorted(set(resources.environment) - set(os.environ))):
        raise InputError(*(f"resources.environment: {name} is not set" for name in absent))
    if where.in_process:
        from raysearch.cluster.local_executor import LocalExecutor  # noqa: PLC0415 - one of two, without Ray

        yield LocalExecutor(resources)
        return
    prepare_environment(where.address)
    from raysearch.cluster import session  # noqa: PLC0415 - Ray takes a second to import
    from raysearch.cluster.tune_executor import TuneExecutor  # noqa: PLC0415

    session.start_session(where.address, resources)
    try:
        yield TuneExecutor(resources)
    finally:
        session.stop_session()


def carry_out(
    ledger: Ledger, executor: Executor, listen: Listener, opened: Callable[[Path], None], wish: Wish = NO_WISH
) -> History:
    """Carry a study out to its end, or until a signal.

    Args:
        ledger: of a created study.
        executor: carries out the runs.
        listen: told every record.
        opened: called with the folder once the study is open, for whoever follows the ledger.
        wish: more trials, a wider window, another disk budget.

    Raises:
        StoppedError: a signal; everything is saved.
        NoFinishedTrialError: no trial finished.
        DiskBudgetError: the study's files take more than its budget; everything is saved.
        StorageError: the disk is full or failed.
    """
    torch.set_num_threads(1)  # the search computes here too; its bits must not depend on the machine's cores
    study = Study(ledger, listen)
    with StopFlag() as stop:
        session = Opened(
            session=len(study.history.sessions) + 1,
            host=socket.gethostname(),
            pid=os.getpid(),
            slots=executor.slots,
            versions=versions(),
            cpu=_cpu_model(),
        )
        try:
            study.begin(session, extra_trials=wish.extra_trials, window=wish.window, disk=wish.disk)
            opened(ledger.folder)
            executor.execute(study, stop)
        except DiskBudgetError:
            study.close("disk budget")
            raise
        if not stop.requested:
            _test_best(study, executor)
    name = ledger.folder.name
    if stop.signal_number is not None:
        study.close("stopped")
        raise StoppedError(
            f"stopped, everything is saved; go on with: {resume_command(ledger.folder)}", stop.signal_number
        )
    study.close("gave up" if study.gave_up else "finished")
    if study.history.best is None:
        failures = dict.fromkeys(trial.failure.strip().splitlines()[-1] for trial in study.history.committed)
        why = "" if study.history.is_complete else "; gave up, as the first ones all failed alike"
        raise NoFinishedTrialError("\n".join([f"{name}: no trial finished{why}", *list(failures)[:3]]))
    return study.history


def _test_best(study: Study, executor: Executor) -> None:
    """Apply the best model, with folds the model of each, to the test set; once for each best."""
    best = study.history.best
    if best is None:
        return
    done = {(record.trial, record.fold) for record, _ in study.history.tests}
    for run in best.runs:
        if (run.trial, run.fold) in done:
            continue
        assert run.ended is not None
        order = order_for(study, study.as_run(run, run.attempt))
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


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide or show results."""
    return {
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in PACKAGES},
    }


def task_sha256(reference: str) -> str:
    """SHA-256 of a user's own task file; empty for the package's tasks, whose version says it."""
    path, _, _ = reference.rpartition(":")
    return (
        hashlib.sha256(Path(path).read_bytes()).hexdigest()
        if path.endswith(".py") and Path(path).is_file()
        else ""
    )


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
