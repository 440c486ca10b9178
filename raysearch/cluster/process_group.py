"""How a run's workers find each other: through a store that listens at their machine's address only.

Torch's store has no login. The one that Ray Train has torch open listens on all interfaces, also where all
workers are on one machine and their address is loopback.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import ray
import torch.distributed as dist
from ray.train._internal.base_worker_group import BaseWorkerGroup
from ray.train.torch import TorchConfig
from ray.train.torch.config import _TorchBackend


@dataclass
class OneAddress(TorchConfig):
    """Connects workers as TorchConfig does, but for where the store listens."""

    @property
    def backend_cls(self) -> type[_TorchBackend]:
        """What carries it out."""
        return _OneAddressBackend


class _OneAddressBackend(_TorchBackend):
    def on_start(self, worker_group: BaseWorkerGroup, backend_config: Any) -> None:  # noqa: ANN401 - as Ray
        """Connect the workers."""
        n_workers = len(worker_group)
        backend = backend_config.backend
        # Train itself would listen on all interfaces, where any stranger could speak to it.
        address, port = worker_group.execute_single(0, _open_store, n_workers, backend_config.timeout_s)
        joined: Any = [
            worker_group.execute_single_async(
                rank, _join, backend, (address, port), rank, n_workers, backend_config.timeout_s
            )
            for rank in range(n_workers)
        ]
        ray.get(joined)


_opened: list[dist.TCPStore] = []  # the first worker's, between the two calls


def _open_store(n_workers: int, timeout_s: int) -> tuple[str, int]:
    """Open the store at this machine's address, on any free port; in the first worker."""
    address = ray.util.get_node_ip_address()
    # Bound here, for a store that is given a port of its own choice binds all of the addresses.
    listener = socket.create_server(
        (address, 0), family=socket.AF_INET6 if ":" in address else socket.AF_INET
    )
    port = listener.getsockname()[1]
    _opened[:] = [
        dist.TCPStore(
            address,
            port,
            n_workers,
            is_master=True,
            timeout=timedelta(seconds=timeout_s),
            wait_for_workers=False,
            master_listen_fd=listener.detach(),
        )
    ]
    return address, port


def _join(backend: str, store: tuple[str, int], rank: int, n_workers: int, timeout_s: int) -> None:
    """Join the process group; in every worker."""
    os.environ.setdefault(
        "TORCH_NCCL_ASYNC_ERROR_HANDLING", "1"
    )  # as Ray Train: a lost peer is an error, not a wait
    timeout = timedelta(seconds=timeout_s)
    opened = _opened.pop() if rank == 0 else dist.TCPStore(*store, n_workers, timeout=timeout)
    dist.init_process_group(backend, store=opened, rank=rank, world_size=n_workers, timeout=timeout)
