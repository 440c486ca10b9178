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
from functools import partial
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.tune import Callback, RunConfig, TuneConfig, Tuner
from ray.tune.execution import class_cache
from ray.tune.experiment import Trial
from ray.tune.search import Searcher
from ray.tune.stopper import Stopper

from raysearch.cluster.bridge import Bridge, reason_in
from raysearch.cluster.gpus import own_device
from raysearch.cluster.group_size import GroupSize
from raysearch.cluster.places import WorkerResources
from raysearch.cluster.resources import request_for
from raysearch.cluster.storage import check_shared
from raysearch.cluster.tune_trainable import attempt_in_actor
from raysearch.errors import ResourceError
from raysearch.launch.run_environment import confine, only_visible
from raysearch.launch.stop_flag import StopFlag
from raysearch.space.space_file import ResourcesSection
from raysearch.study.study import Study
from raysearch.training.final import TestOutcome, evaluate_on_test
from raysearch.training.order import Order


class TuneExecutor:
    """Carries out runs by Ray Tune on the session that is open."""

    at_a_stop = "Ray to end"

    def __init__(self, resources: ResourcesSection) -> None:
        self._resources = resources
        self._each = WorkerResources.of(resources)
        self._size = GroupSize(resources)
        self.slots = self._size.slots

    def execute(self, study: Study, stop: StopFlag) -> None:
        """Carry out runs until the study is over or the flag is set; see the protocol."""
        # Before the first run: on storage that is not shared all of them would be lost, one by one.
        check_shared(study.ledger.folder)
        bridge = Bridge(study, stop, self._size)
        while not bridge.is_over:
            # Tune keeps a finished actor only for a trial that waits; by default one may wait, and of two
            # actors that finish together one would be thrown away, seconds of imports with it.
            os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = str(bridge.slots)
            # Tune may end over an actor that was killed for its memory; the next one takes up what is left.
            n_records = len(study.ledger.entries)
            scratch = tempfile.mkdtemp(prefix="raysearch-tune-")
            try:
                with only_visible(self._resources.environment):  # Tune sends AWS keys to every actor
                    self._fit(bridge, scratch)
            except RuntimeError as error:  # Tune gives up on an out-of-memory kill; the study does not
                for_memory = isinstance(error.__cause__, ray.exceptions.OutOfMemoryError)
                bridge.lose_all(reason_in(str(error.__cause__ or error)), for_memory=for_memory)
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
            if bridge.failure is not None:
                raise bridge.failure
            if bridge.resizing:
                bridge.resize()
            elif len(study.ledger.entries) == n_records and not stop.requested:
                raise ResourceError("Ray Tune ended without starting a run; is the cluster still there?")

    def _fit(self, bridge: Bridge, scratch: str) -> None:
        # Tune would have each actor's process started with a variable for PyTorch Lightning, which our runs
        # do not see; without it actors take the processes that are there (raysearch.cluster.child_ray).
        class_cache.DEFAULT_ENV_VARS.clear()

        def request(config: dict[str, str]) -> tune.PlacementGroupFactory:
            return request_for(json.loads(config["order"])["workers"], self._each)

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


class _QueueSearcher(Searcher):
    """Tune asks here what to run next; the answer was decided when the last result was committed."""

    def __init__(self, bridge: Bridge) -> None:
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

    def __init__(self, bridge: Bridge) -> None:
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
        self._bridge.lose(trial.trial_id, reason_in(text.partition("\n")[2]))  # the first line is Tune's


class _FlagStopper(Stopper):
    """Ends Tune as soon as the study is to stop; asked many times a second, it also has runs looked at."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:  # noqa: ARG002 - Tune's signature
        return False

    def stop_all(self) -> bool:
        self._bridge.look()
        bridge = self._bridge
        return bridge.stop.requested or bridge.failure is not None or bridge.resizing
