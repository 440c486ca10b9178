"""``raysearch doctor``: what to run when something is wrong."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import typer

from raysearch.cli.options import Address, DataPath, Format, Runs
from raysearch.study.folders import RUNS


def doctor(
    runs: Runs = RUNS, address: Address = None, data: DataPath = None, output: Format = "table"
) -> None:
    """Say what is wrong on this machine, and what to do about it; starts and changes nothing.

    Each line is ok, warning or fault. The exit code is 0 without a fault, else that of the heaviest: 74
    (storage is full or damaged), 73 (a folder cannot be written), 69 (something is missing or unsafe).
    """
    from raysearch.doctor.checks import checks_for
    from raysearch.doctor.examine import examine, exit_code
    from raysearch.tracking.address import redact

    findings = []
    for found in examine(checks_for(runs, address, data or ())):
        each = replace(found, found=redact(found.found), advice=redact(found.advice))
        findings.append(each)
        if output == "table":
            advice = f" -> {each.advice}" if each.advice else ""
            typer.echo(f"{each.level:<8} {each.name:<10} {each.found}{advice}")
    if output == "json":
        typer.echo(json.dumps([asdict(each) for each in findings], indent=2))
    raise typer.Exit(exit_code(findings))
