"""``raysearch resume``: go on with a study that was stopped, killed or finished."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from raysearch.cli.options import Address, InProcess, Name, Runs, Wait
from raysearch.errors import InputError
from raysearch.study.folders import RUNS

Trials = Annotated[
    str | None,
    typer.Option("--trials", metavar="+N", help="Search N trials more; of a series, in each member."),
]
Window = Annotated[
    int | None, typer.Option("--window", help="Ask more trials ahead from here on, for a larger cluster.")
]
Disk = Annotated[
    str | None,
    typer.Option(metavar="SIZE", help="Disk budget of the study from here on, such as 4GB."),
]
Time = Annotated[
    str | None,
    typer.Option(metavar="SPAN", help="Stop after so long, such as 2h or +2h, at each start; or none."),
]
RunTime = Annotated[
    str | None, typer.Option(metavar="SPAN", help="From here on, what a run may take, such as 10m.")
]
Silence = Annotated[
    str | None, typer.Option(metavar="SPAN", help="From here on, without a new epoch a run hangs.")
]
Memory = Annotated[
    str | None, typer.Option(metavar="SIZE", help="From here on, what a run's worker may take, as 4GB.")
]
RetryFailed = Annotated[
    bool,
    typer.Option("--retry-failed", help="Try failed runs again, but for those whose loss was no number."),
]
AllowSkew = Annotated[
    bool, typer.Option("--allow-skew", help="Go on although packages have changed; the bits may differ.")
]
KeptCode = Annotated[
    bool,
    typer.Option("--kept-code", help="Your task was changed: go on with the code the study began with."),
]
ChangedCode = Annotated[
    bool,
    typer.Option("--changed-code", help="Go on with the changed code, which ledger and report then tell."),
]


def resume(
    name: Name,
    trials: Trials = None,
    window: Window = None,
    disk: Disk = None,
    time: Time = None,
    run_time: RunTime = None,
    silence: Silence = None,
    memory: Memory = None,
    retry_failed: RetryFailed = False,
    allow_skew: AllowSkew = False,
    kept_code: KeptCode = False,
    changed_code: ChangedCode = False,
    runs: Runs = RUNS,
    address: Address = None,
    in_process: InProcess = False,
    wait: Wait = None,
) -> None:
    """Go on with a study or series; nothing finished runs again."""
    from raysearch.cli.terminal import CommandLine
    from raysearch.library.resume import resume as carry_on

    if trials is not None and not re.fullmatch(r"\+[1-9]\d*", trials):
        raise InputError(f"--trials {trials}: must be + and a number, such as +20")
    if kept_code and changed_code:
        raise InputError("--kept-code and --changed-code: choose one")
    carry_on(
        name,
        trials=int(trials or 0),
        window=window,
        disk=disk,
        time=time and time.removeprefix("+"),
        run_time=run_time,
        silence=silence,
        memory=memory,
        retry_failed=retry_failed,
        allow_skew=allow_skew,
        code="kept" if kept_code else "changed" if changed_code else None,
        runs=runs,
        address=address,
        local=in_process,
        show=CommandLine(waits=wait),
    )
