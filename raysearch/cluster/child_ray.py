"""Starts the processes of a local Ray, tells where it is, and leaves; whoever asked has them taken down.

Usage: python -m raysearch.cluster.child_ray CPUS DRIVER

Of Ray's processes only those are started that runs need: its tables, the node with its two agents, workers. A
dashboard that shows nothing, an autoscaler of one machine and a reader of logs that nobody is told would take
as much of a processor as the study's own imports.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from typing import Any

from ray._private.authentication.authentication_token_setup import (
    enable_token_auth_by_default,
    ensure_token_if_auth_enabled,
)
from ray._private.node import Node
from ray._private.parameter import RayParams
from ray._private.utils import set_kill_on_parent_death_linux

from raysearch.cluster.connect import one_line

OBJECT_STORE_BYTES = 256 * 1024**2  # orders and results are small; data are read where they are used
LOOPBACK = "127.0.0.1"


class _BareNode(Node):
    """A head without the server of Ray's dashboard."""

    def start_api_server(self, **_: Any) -> None:
        self._webui_url = ""


def started(n_cpus: int, driver: int) -> dict[str, str]:
    """Start Ray, and tell its address and the folder of its session, or why it does not start."""
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    try:
        enable_token_auth_by_default()
        ensure_token_if_auth_enabled({}, create_token_if_missing=True)
        moment = f"{time.strftime('%Y-%m-%d_%H-%M-%S')}_{time.time_ns() % 10**9}"
        node = _BareNode(
            RayParams(
                # Ends with the driver's number, as where it starts Ray itself: the caretaker looks for that.
                session_name=f"session_{moment}_{driver}",
                node_ip_address=LOOPBACK,  # nothing of it listens to other machines
                num_cpus=n_cpus,
                object_store_memory=OBJECT_STORE_BYTES,
                include_log_monitor=False,  # type: ignore[arg-type]
                no_monitor=True,
            ),
            head=True,
            shutdown_at_exit=False,
            spawn_reaper=False,  # it would end them with this process
            ray_init_cluster=True,
        )
    except Exception as error:  # noqa: BLE001 - told where it is waited for
        return {"problem": one_line(error)}
    return {"address": node.address, "session": node.get_session_dir_path()}


def main(n_cpus: int, driver: int) -> None:
    """Start Ray for a driver; end at once if that ends."""
    set_kill_on_parent_death_linux()
    if os.getppid() == driver:
        sys.stdout.write(json.dumps(started(n_cpus, driver)) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
