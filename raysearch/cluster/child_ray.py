"""Starts the processes of a local Ray, tells where it is, and leaves; whoever asked has them taken down.

Usage: python -m raysearch.cluster.child_ray ORDER, the order as JSON of :class:`LocalRay`.

Of Ray's processes only those are started that runs need: its tables, the node with its two agents, workers. A
dashboard that shows nothing, an autoscaler of one machine and a reader of logs that nobody is told would take
as much of a processor as the study's own imports.

Workers are started at once, as many as the runs that go on at a time have processes, and import what runs
need (:mod:`raysearch.cluster.warm_worker`) while the driver checks the study.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from dataclasses import dataclass
from typing import Any

from ray._private import utils as ray_utils
from ray._private.authentication.authentication_token_setup import (
    enable_token_auth_by_default,
    ensure_token_if_auth_enabled,
)
from ray._private.grpc_utils import init_grpc_channel
from ray._private.node import Node
from ray._private.parameter import RayParams
from ray._private.utils import set_kill_on_parent_death_linux
from ray.core.generated.common_pb2 import Language  # type: ignore[attr-defined]
from ray.core.generated.node_manager_pb2 import PrestartWorkersRequest  # type: ignore[attr-defined]
from ray.core.generated.node_manager_pb2_grpc import NodeManagerServiceStub

from raysearch.cluster.connect import one_line
from raysearch.cluster.places import WorkerResources, group_slots
from raysearch.cluster.train_environment import TRAIN_ENVIRONMENT

OBJECT_STORE_BYTES = 256 * 1024**2  # orders and results are small; data are read where they are used
LOOPBACK = "127.0.0.1"
KEPT_IDLE_S = 3600  # how long a worker waits for its first run; checks may take minutes
WARM = "RAY_preload_python_modules"  # what its workers import before they are asked for anything
WORKERS = {
    WARM: "raysearch.cluster.warm_worker",
    # Those that Ray starts by itself carry out no actors, which is what Tune's trials are.
    "RAY_enable_worker_prestart": "0",
    "RAY_prestart_worker_first_driver": "0",
}


@dataclass(frozen=True)
class LocalRay:
    """What is to be started.

    Attributes:
        cpus: that it may use.
        driver: process that it is for.
        each: what each worker of a run gets, as :class:`~raysearch.cluster.places.WorkerResources`.
        workers: of a run.
        runs: how many there will be; None if it is not known.
    """

    cpus: int
    driver: int
    each: dict[str, Any]
    workers: int
    runs: int | None

    def runs_at_a_time(self, machine: dict[str, float]) -> int:
        """How many go on at a time on a machine, if there are so many."""
        slots = group_slots(self.workers, WorkerResources(**self.each), [machine])
        return slots if self.runs is None else min(slots, self.runs)

    def processes_of_a_run(self) -> int:
        """How many a run needs: its own, and of a group also each worker's and the one by which they meet."""
        return 1 if self.workers == 1 else self.workers + 2


class _BareNode(Node):
    """A head without the server of Ray's dashboard."""

    def start_api_server(self, **_: Any) -> None:
        self._webui_url = ""

    @property
    def machine(self) -> dict[str, float]:
        """What it offers, as Ray counts it."""
        spec = self.get_resource_and_label_spec()
        return {"CPU": spec.num_cpus, "GPU": spec.num_gpus or 0.0, "memory": spec.memory}

    def start_workers(self, n_workers: int) -> None:
        """Have it start processes for actors; they are asked for, and not waited for."""
        request = PrestartWorkersRequest(
            language=Language.PYTHON,
            # As that of Tune's actors is (raysearch.cluster.tune_executor); they take none of another.
            runtime_env_info={"serialized_runtime_env": "{}"},
            keep_alive_duration_secs=KEPT_IDLE_S,
            num_workers=n_workers,
        )
        with init_grpc_channel(f"{LOOPBACK}:{self.node_manager_port}") as channel:
            NodeManagerServiceStub(channel).PrestartWorkers(request)


def started(order: LocalRay) -> dict[str, str]:
    """Start Ray, and tell its address and the folder of its session, or why it does not start."""
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    os.environ.update(WORKERS)
    if order.workers > 1:
        os.environ.update(TRAIN_ENVIRONMENT)
        os.environ[WARM] += ",raysearch.cluster.worker_group"
    # As where Ray's dashboard is not installed: its agent on the node, which it waits for, then serves no
    # pages, and is there in half of the time.
    ray_utils.get_dashboard_dependency_error = lambda: ImportError("not wanted")
    try:
        enable_token_auth_by_default()
        ensure_token_if_auth_enabled({}, create_token_if_missing=True)
        moment = f"{time.strftime('%Y-%m-%d_%H-%M-%S')}_{time.time_ns() % 10**9}"
        node = _BareNode(
            RayParams(
                # Ends with the driver's number, as where it starts Ray itself: the caretaker looks for that.
                session_name=f"session_{moment}_{order.driver}",
                node_ip_address=LOOPBACK,  # nothing of it listens to other machines
                num_cpus=order.cpus,
                object_store_memory=OBJECT_STORE_BYTES,
                include_log_monitor=False,  # type: ignore[arg-type]
                no_monitor=True,
            ),
            head=True,
            shutdown_at_exit=False,
            spawn_reaper=False,  # it would end them with this process
            ray_init_cluster=True,
        )
        node.start_workers(order.runs_at_a_time(node.machine) * order.processes_of_a_run())
    except Exception as error:  # noqa: BLE001 - told where it is waited for
        return {"problem": one_line(error)}
    return {"address": node.address, "session": node.get_session_dir_path()}


def main(order: LocalRay) -> None:
    """Start Ray for a driver; end at once if that ends."""
    set_kill_on_parent_death_linux()
    if os.getppid() == order.driver:
        sys.stdout.write(json.dumps(started(order)) + "\n")


if __name__ == "__main__":
    main(LocalRay(**json.loads(sys.argv[1])))
