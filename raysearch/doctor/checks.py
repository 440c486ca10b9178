"""All checks of `raysearch doctor`, in the order they are told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from raysearch.doctor import machine, ray_here, storage, studies
from raysearch.doctor.findings import Check, Finding, fault, ok, warning
from raysearch.errors import FolderError, ResourceError, StorageError
from raysearch.models.kernels.build import COMPILERS, FLAGS
from raysearch.tracking import server
from raysearch.tracking.address import tracking_uri
from raysearch.tracking.health import look


def checks_for(runs: Path, address: str | None, data: Sequence[Path]) -> dict[str, Check]:
    """The checks by name, given the folder of studies, a cluster's address and data, if there are any."""
    checks: dict[str, Check] = {
        "versions": machine.versions,
        "cpus": machine.cpus,
        "memory": machine.memory,
        "limits": machine.limits,
        "runs": partial(storage.studies_folder, runs),
        "ray files": storage.ray_folder,
        "shm": machine.shared_memory,
        # In a process of its own: an import that crashes must not take the doctor down.
        "torch": machine.torch_and_gpu,
        "compiler": partial(machine.compiler, COMPILERS, FLAGS),
        "token": partial(ray_here.token, address),
        "ray here": ray_here.running,
        "port": _port,
        "mlflow": _mlflow,
        "ledgers": partial(studies.ledgers, runs),
        "proxies": machine.proxies,
    }
    # Only what the user names: nothing here looks for clusters or data by itself.
    if address is not None:
        checks["address"] = partial(ray_here.cluster, address)
    for number, path in enumerate(data, start=1):
        checks["data" if number == 1 else f"data {number}"] = partial(storage.data_files, path)
    return checks


def _port() -> Iterator[Finding]:
    """The port that `raysearch dashboard` would take."""
    # As the dashboard will choose it, for the answer to be the one that counts.
    chosen = server.choose_port(None)
    if chosen == server.DEFAULT_PORT:
        yield ok("port", f"{server.DEFAULT_PORT} is free for raysearch dashboard")
    else:
        found = f"{server.DEFAULT_PORT} is taken; raysearch dashboard takes {chosen}"
        yield warning("port", found, f"tunnel to {chosen}, or end what listens on {server.DEFAULT_PORT}")


def _mlflow() -> Iterator[Finding]:
    advice: dict[type[Exception], str] = {
        ResourceError: "correct MLFLOW_TRACKING_URI, or start it; studies run without, `raysearch dashboard` "
        "delivers later",
        FolderError: "start raysearch in a folder that you may write, or set MLFLOW_TRACKING_URI",
        StorageError: "move it away: the ledgers hold all, `raysearch dashboard` delivers it again; "
        "of another version: mlflow db upgrade, or the newer MLflow",
    }
    try:
        yield ok("mlflow", look(tracking_uri()))
    except (ResourceError, FolderError, StorageError) as error:
        yield fault("mlflow", str(error), advice[type(error)], error.exit_code)
