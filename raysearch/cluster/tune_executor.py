"""Ray Tune carries out the runs: one Tune trial is one attempt at a run, in reused actors.

Tune decides nothing. Its searcher hands out what the study queued; its own state goes to a folder
that is thrown away. What it loses (an actor killed, a node gone, the memory monitor) comes back to the
study, which hands the run out again from its last checkpoint.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import ray
from ray import tune
from ray.tune import Callback, RunConfig, TuneConfig, Tuner
from ray.tune.experiment import Trial
from ray.tune.search import Searcher
from ray.tune.stopper import Stopper

from raysearch.cluster.gpus import own_device
from raysearch.cluster.resources import (
    WorkerResources,
    group_slots,
    group_trial_resources,
    machines,
    n_dead_machines,
)
from raysearch.cluster.storage import check_shared
from raysearch.cluster.tune_trainable import attempt_in_actor
from raysearch.errors import ResourceError, StorageError
from raysearch.launch.orders import ended_record, order_for
from raysearch.launch.run_environment import confine, only_visible
from raysearch.launch.stop_flag import StopFlag
from raysearch.space.space_file import ResourcesSection
from raysearch.study.study import Run, Study
from raysearch.training.final import TestOutcome, evaluate_on_test
from raysearch.training.order import Order, Outcome

P = ParamSpec("P")
T = TypeVar("T")

LONGEST_REASON = 300
NOTICED_S = 3.0  # how much later than a run's end Ray may notice that its machine is gone
MAX_NOT_BEGUN = 3  # processes in a row, for each slot, that end before they train


class TuneExecutor:
    """Carries out runs by Ray Tune on the session that is open."""

    def __init__(self, resources: ResourcesSection) -> None:
        self._resources = resources
        self._each = WorkerResources(resources.cpus, resources.gpus)
        self.slots = group_slots(resources.workers, self._each, machines())

    def execute(self, study: Study, stop: StopFlag) -> None:
        """Carry out runs until the study is over or the flag is set; see the protocol."""
        # Before the first run: on storage that is not shared all of them would be lost, one by one.
        check_shared(study.ledger.folder)
        # Tune keeps a finished actor only for a trial that waits; by default one may wait, and of two actors
        # that finish together one would be thrown away, seconds of imports with it.
        os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = str(self.slots)
        bridge = _Bridge(study, stop, self.slots)
        while not bridge.is_over:
            # Tune may end over an actor that was killed for its memory; the next one takes up what is left.
            n_records = len(study.ledger.entries)
            scratch = tempfile.mkdtemp(prefix="raysearch-tune-")
            try:
                with only_visible(self._resources.environment):  # Tune sends AWS keys to every actor
                    self._fit(bridge, scratch)
            except RuntimeError as error:  # Tune gives up on an out-of-memory kill; the study does not
                bridge.lose_all(_reason(str(error.__cause__ or error)))
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
            if bridge.failure is not None:
                raise bridge.failure
            if len(study.ledger.entries) == n_records and not stop.requested:
                raise ResourceError("Ray Tune ended without starting a run; is the cluster still there?")

    def _fit(self, bridge: _Bridge, scratch: str) -> None:
        if self._resources.workers > 1:
            request: Any = group_trial_resources(self._resources.workers, self._each)
        else:
            request = {"CPU": self._each.cpus, "GPU": self._each.gpus}
        Tuner(
            tune.with_resources(partial(attempt_in_actor, each=self._each), request),
            tune_config=TuneConfig(
                search_alg=_QueueSearcher(bridge),
                # Without end: how many there are the study decides, by the searcher.
                num_samples=-1,
                reuse_actors=True,
                trial_dirname_creator=lambda trial: trial.trial_id,
            ),
            run_config=RunConfig(
                name="study",
                storage_path=scratch,
                verbose=0,
                stop=_FlagStopper(bridge),
                callbacks=[_StateCallback(bridge)],
            ),
        ).fit()

    def evaluate(self, order: Order, weights: str, weights_sha256: str) -> TestOutcome:
        """Apply the best model to the test set: here on a CPU, in a Ray task where runs have a GPU."""
        # Here the data are in memory already; but the driver's machine may have no GPU.
        if not self._resources.gpus:
            with only_visible(order.environment):
                return evaluate_on_test(order, weights, weights_sha256)
        remote = ray.remote(num_cpus=self._each.cpus, num_gpus=self._each.gpus, max_calls=1)(_evaluate_there)
        try:
            return ray.get(remote.remote(self._each.gpus, order, weights, weights_sha256))
        except ray.exceptions.RayTaskError as error:
            raise error.cause from error


def _evaluate_there(share: float, order: Order, weights: str, weights_sha256: str) -> TestOutcome:
    """Apply the best model on the GPU, or the share of one, that a Ray task was given."""
    confine(order.environment)
    return evaluate_on_test(order, weights, weights_sha256, own_device(share))


def _reason(text: str) -> str:
    """One line of an error: of a traceback that Ray passes on the last, of its own messages the first."""
    lines = [line.strip() for line in text.splitlines() if line.strip()] or ["no reason given"]
    return lines[-1 if "Traceback" in text else 0][:LONGEST_REASON]


def _kept(
    method: Callable[Concatenate[_Bridge, P], T | None],
) -> Callable[Concatenate[_Bridge, P], T | None]:
    """Keep what a call from Tune raises, and end Tune: there it would be wrapped, or counted to a trial."""

    @wraps(method)
    def guarded(self: _Bridge, *args: P.args, **kwargs: P.kwargs) -> T | None:
        if self.failure is None:
            try:
                return method(self, *args, **kwargs)
            except Exception as error:  # noqa: BLE001 - raised again when Tune has ended
                self.failure = error
        return None

    return guarded


class _Bridge:
    """Between Tune's trials and the study's runs.

    Attributes:
        runs: by Tune's trial, what is handed out.
        suspects: runs (trial, fold) of which one was killed for the memory it took; nobody says which.
            They go on one at a time, so that a run that is killed again is the one to blame.
        failure: ends the study as soon as Tune has ended.
    """

    def __init__(self, study: Study, stop: StopFlag, slots: int) -> None:
        self.study, self.stop, self.slots = study, stop, slots
        self.runs: dict[str, Run] = {}
        self.suspects: set[tuple[int, int]] = set()
        self.failure: Exception | None = None
        self._n_not_begun = 0
        self._n_dead: dict[str, int] = {}  # machines that were lost before Tune's trial started its run

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles its state for a restore that never comes, and a live view holds a lock."""
        return {}

    @property
    def is_over(self) -> bool:
        return self.stop.requested or self.study.is_over or self.failure is not None

    @_kept
    def hand_out(self, trial_id: str) -> dict[str, str] | None:
        """Give Tune a run; more than there are slots, so that a freed actor finds its next run waiting."""
        most = 1 if self.suspects else 2 * self.slots
        if len(self.runs) >= most or (run := self.study.next_run()) is None:
            return None
        self.runs[trial_id] = run
        return {"order": json.dumps(order_for(self.study, run).to_plain())}

    @_kept
    def started(self, trial_id: str) -> None:
        self._n_not_begun = 0
        self._n_dead[trial_id] = n_dead_machines()
        # Now and not when it was handed out: the ledger says what runs, not what waits.
        self.study.started(self.runs[trial_id])

    @_kept
    def result(self, trial_id: str, result: dict[str, Any]) -> None:
        run = self.runs.get(trial_id)
        if run is None:
            return
        if result.get("event") == "epoch":
            self.study.report(run, **json.loads(result["report"]))
        elif result.get("event") == "ended":
            # Before the study hears of the end: what follows from it may hand out the next run at once.
            del self.runs[trial_id]
            self.suspects.discard((run.trial, run.fold))
            self.study.end(ended_record(run, Outcome(**json.loads(result["outcome"]))))
        elif result.get("event") == "storage":
            raise StorageError(result["message"])

    @_kept
    def lose(self, trial_id: str, reason: str) -> None:
        run = self.runs.pop(trial_id, None)
        if run is None or self.stop.requested:
            return
        if not self.study.has_begun(run):
            self._n_not_begun += 1
        self._lose(run, reason, to_blame=not self._lost_a_machine(trial_id))
        if self._n_not_begun >= MAX_NOT_BEGUN * self.slots:
            raise ResourceError(
                f"Ray cannot start the processes that train; has every machine the same raysearch? {reason}"
            )

    def _lost_a_machine(self, trial_id: str) -> bool:
        """Whether a machine was lost since a run started, which then is not to blame for its end."""
        before = self._n_dead.get(trial_id, 0)
        # Tune hears of a dead actor at once, Ray notices a dead machine only some seconds later.
        deadline = time.monotonic() + (NOTICED_S if len(machines()) > 1 else 0)
        while n_dead_machines() <= before:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        return True

    @_kept
    def lose_all(self, reason: str) -> None:
        """Tune has ended over one of the runs it had."""
        if self.stop.requested:
            return
        begun = [run for run in self.runs.values() if self.study.has_begun(run)]
        # Of several runs one took the memory, and Tune does not say which: none is blamed before it is alone.
        self.suspects |= {(run.trial, run.fold) for run in begun}
        for run in self.runs.values():
            self._lose(run, reason, to_blame=len(begun) == 1)
        self.runs.clear()

    def _lose(self, run: Run, reason: str, *, to_blame: bool) -> None:
        self.study.lose(run, reason, to_blame=to_blame)
        if self.study.history.run(run.trial, run.fold).ended:
            self.suspects.discard((run.trial, run.fold))


class _QueueSearcher(Searcher):
    """Tune asks here what to run next; the answer was decided when the last result was committed."""

    def __init__(self, bridge: _Bridge) -> None:
        super().__init__()
        self._bridge = bridge

    def suggest(self, trial_id: str) -> Any:  # noqa: ANN401 - Tune's own signature: a dict, None or a word
        return Searcher.FINISHED if self._bridge.is_over else self._bridge.hand_out(trial_id)

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        self._bridge.result(trial_id, result)

    def on_trial_complete(
        self,
        trial_id: str,
        result: dict[str, Any] | None = None,
        error: bool = False,  # noqa: ARG002 - Tune's signature
    ) -> None:
        if result:
            self._bridge.result(trial_id, result)

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the ledger is the state."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: the ledger is the state."""


class _StateCallback(Callback):
    """Hears from Tune when a trial begins and when one is lost."""

    def __init__(self, bridge: _Bridge) -> None:
        self._bridge = bridge

    def on_trial_start(
        self,
        iteration: int,  # noqa: ARG002 - Tune's signature
        trials: list[Trial],  # noqa: ARG002 - the same
        trial: Trial,
        **_: object,
    ) -> None:
        self._bridge.started(trial.trial_id)

    def on_trial_error(
        self,
        iteration: int,  # noqa: ARG002 - Tune's signature
        trials: list[Trial],  # noqa: ARG002 - the same
        trial: Trial,
        **_: object,
    ) -> None:
        text = Path(trial.error_file).read_text(encoding="utf-8") if trial.error_file else ""
        self._bridge.lose(trial.trial_id, _reason(text.partition("\n")[2]))  # the first line is Tune's


class _FlagStopper(Stopper):
    """Ends Tune as soon as the study is to stop."""

    def __init__(self, bridge: _Bridge) -> None:
        self._bridge = bridge

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:  # noqa: ARG002 - Tune's signature
        return False

    def stop_all(self) -> bool:
        return self._bridge.stop.requested or self._bridge.failure is not None
