"""``raysearch dashboard``: bring MLflow up to date with all studies and show it in a browser."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Annotated

import typer

from raysearch.cli.options import Runs
from raysearch.study.folders import RUNS

N_SHOWN = 10
Port = Annotated[
    int | None,
    typer.Option(
        "--port", "-p", min=1, max=65535, help="Port to listen on (default: 5000, or the next free one)."
    ),
]
WithLogin = Annotated[
    bool, typer.Option("--login", help="Let nobody in without the password in the file mlflow-password.")
]


def dashboard(port: Port = None, with_login: WithLogin = False, runs: Runs = RUNS) -> None:
    """Show all studies in MLflow, until Ctrl-C.

    Studies are delivered to MLFLOW_TRACKING_URI, or else to mlflow.db in this folder. If that is a server,
    its address is printed; for a database a server is started on this machine, for this machine alone.
    """
    from raysearch.errors import InputError
    from raysearch.library.delivery import deliver
    from raysearch.study.folders import studies
    from raysearch.tracking.address import QUIET, database_folder, is_server, public, tracking_uri
    from raysearch.tracking.login import login_in
    from raysearch.tracking.server import HOST, choose_port, running_server

    os.environ.update(QUIET)
    uri = tracking_uri()
    if with_login and is_server(uri):
        raise InputError(f"--login: {public(uri)} is a server of its own, with logins of its own or none")
    login = login_in(database_folder(uri)) if with_login else None
    chosen = None if is_server(uri) else choose_port(port)
    folders = sorted(studies(runs), key=lambda folder: folder.stat().st_mtime, reverse=True)
    for signal_number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(signal_number) != signal.SIG_IGN:  # as under nohup
            signal.signal(signal_number, signal.default_int_handler)  # all ends as with Ctrl-C
    try:
        for folder, problem in deliver(folders, uri):
            typer.echo(f"{folder.name}: {problem}", err=True)
        if chosen is None:
            typer.echo(f"MLflow is at {public(uri)}")
            return
        typer.echo(f"Starting MLflow on port {chosen} ...")
        with running_server(uri, chosen, login) as server:
            address = f"http://{HOST}:{chosen}"
            typer.echo(f"MLflow is at {address} until Ctrl-C")
            if login is not None:
                typer.echo(f"log in as {login.user} with the password in {login.file}")
            _print_links(folders[:N_SHOWN], uri, address)
            server.wait()
    except KeyboardInterrupt:
        typer.echo("Ended.")
        return
    _fail(server.returncode)


def _print_links(folders: list[Path], uri: str, address: str) -> None:
    from raysearch.errors import StorageError
    from raysearch.tracking.delivery import find_study

    for folder in folders:
        try:
            found = find_study(folder, uri)
        except StorageError:
            continue  # said when catching up
        if found:
            typer.echo(
                f"{folder.name}: {address}/#/experiments/{found[0]}/runs/{found[1]}"
                "?workflowType=machine_learning"
            )


def _fail(code: int) -> None:
    from raysearch.errors import ResourceError

    raise ResourceError(f"the MLflow server ended by itself, with code {code}")
