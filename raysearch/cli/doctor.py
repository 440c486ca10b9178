"""``raysearch doctor``: what to run when something is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from raysearch.cli.options import Address, DataPath, Format, Runs
from raysearch.study.folders import RUNS

if TYPE_CHECKING:
    from raysearch.doctor.findings import Check, Finding


def doctor(
    runs: Runs = RUNS, address: Address = None, data: DataPath = None, output: Format = "table"
) -> None:
    """Say what is wrong on this machine, and what to do about it; starts and changes nothing.

    Each line is ok, warning or fault. The exit code is 0 without a fault, else that of the heaviest: 74 (storage is full
    or damaged), 73 (a folder cannot be written), 69 (something is missing or unsafe).
    """
    from raysearch.doctor.examine import examine, exit_code
    from raysearch.tracking.address import redact

    findings = []
    for found in examine(_checks(runs, address, data)):
        each = replace(found, found=redact(found.found), advice=redact(found.advice))
        findings.append(each)
        if output == "table":
            advice = f" -> {each.advice}" if each.advice else ""
            typer.echo(f"{each.level:<8} {each.name:<10} {each.found}{advice}")
    if output == "json":
        typer.echo(json.dumps([asdict(each) for each in findings], indent=2))
    raise typer.Exit(exit_code(findings))


def _checks(runs: Path, address: str | None, data: Path | None) -> dict[str, Check]:
    from raysearch.doctor import machine, ray_here, storage, studies
    from raysearch.models.kernels.build import COMPILERS, FLAGS

    checks: dict[str, Check] = {
        "versions": machine.versions,
        "cpus": machine.cpus,
        "memory": machine.memory,
        "limits": machine.limits,
        "runs": partial(storage.studies_folder, runs),
        "ray files": storage.ray_folder,
        "shm": machine.shared_memory,
        "torch": machine.torch_and_gpu,
        "compiler": partial(machine.compiler, COMPILERS, FLAGS),
        "token": partial(ray_here.token, address),
        "ray here": ray_here.running,
        "port": _port,
        "mlflow": _mlflow,
        "ledgers": partial(studies.ledgers, runs),
        "proxies": machine.proxies,
    }
    if address is not None:
        checks["address"] = partial(ray_here.cluster, address)
    if data is not None:
        checks["data"] = partial(storage.data_files, data)
    return checks


def _port() -> Iterator[Finding]:
    """The port that `raysearch dashboard` would take."""
    from raysearch.doctor.findings import ok, warning
    from raysearch.tracking.server import DEFAULT_PORT, choose_port

    chosen = choose_port(None)
    if chosen == DEFAULT_PORT:
        yield ok("port", f"{DEFAULT_PORT} is free for raysearch dashboard")
    else:
        found = f"{DEFAULT_PORT} is taken; raysearch dashboard takes {chosen}"
        yield warning("port", found, f"tunnel to {chosen}, or end what listens on {DEFAULT_PORT}")


def _mlflow() -> Iterator[Finding]:
    from raysearch.doctor.findings import fault, ok
    from raysearch.errors import FolderError, ResourceError, StorageError
    from raysearch.tracking.address import tracking_uri
    from raysearch.tracking.health import look

    advice: dict[type[Exception], str] = {
        ResourceError: "correct MLFLOW_TRACKING_URI, or start it; studies run without, `raysearch dashboard` delivers later",
        FolderError: "start raysearch in a folder that you may write, or set MLFLOW_TRACKING_URI",
        StorageError: "move it away: the ledgers hold all, `raysearch dashboard` delivers it again; of another version: "
        "mlflow db upgrade, or the newer MLflow",
    }
    try:
        yield ok("mlflow", look(tracking_uri()))
    except (ResourceError, FolderError, StorageError) as error:
        yield fault("mlflow", str(error), advice[type(error)], error.exit_code)
