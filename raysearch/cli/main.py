"""The ``raysearch`` program: its commands, and how errors become one message and an exit code."""

from __future__ import annotations

import atexit
import os
import sys
import threading
from typing import Annotated

import typer

from raysearch import __version__
from raysearch.cli import (
    bundle,
    cluster,
    compare,
    crossval,
    dashboard,
    data,
    doctor,
    evaluate,
    evolve,
    export,
    predict,
    prune,
    repair,
    report,
    reproduce,
    resume,
    scale,
    space,
    studies,
    train,
    tune,
    wait,
)
from raysearch.cli.once import App
from raysearch.errors import RaysearchError
from raysearch.tracking.address import redact

app = App(
    name="raysearch",
    help="Search for good neural networks in high-energy physics, on a laptop or a Ray cluster.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # rich would double the time to print a help page
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("tune")(tune.tune)
app.command("train")(train.train)
app.command("scale")(scale.scale)
app.command("evolve")(evolve.evolve)
app.command("resume")(resume.resume)
app.command("crossval")(crossval.crossval)
app.command("list")(studies.list_studies)
app.command("status")(studies.status)
app.command("trials")(studies.trials)
app.command("best")(studies.best)
app.command("wait")(wait.wait)
app.command("report")(report.report)
app.command("compare")(compare.compare)
app.command("predict")(predict.predict)
app.command("evaluate")(evaluate.evaluate)
app.command("export")(export.export)
app.command("prune")(prune.prune)
app.command("reproduce")(reproduce.reproduce)
app.command("repair")(repair.repair)
app.command("bundle")(bundle.bundle)
app.command("unbundle")(bundle.unbundle)
app.command("dashboard")(dashboard.dashboard)
app.command("doctor")(doctor.doctor)
app.add_typer(space.app, name="space")
app.add_typer(data.app, name="data")
app.add_typer(cluster.app, name="cluster")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"raysearch {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """Search for good neural networks in high-energy physics, on a laptop or a Ray cluster."""


def main() -> None:
    """Run the program; an error raised on purpose is shown without a traceback."""
    os.umask(0o077)  # studies are their owner's
    try:
        app()
    except RaysearchError as error:
        for line in redact(str(error)).splitlines() or [type(error).__name__]:
            typer.echo(f"raysearch: {line}", err=True)
        sys.exit(error.exit_code)


def program() -> None:
    """Run the program as a process that then ends at once: to take torch and Ray down takes a second."""
    try:
        main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    for thread in threading.enumerate():
        if thread is not threading.main_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    program()
