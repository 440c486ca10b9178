"""``raysearch resume``: go on with a study that was stopped, killed or finished."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from raysearch.cli.options import Address, InProcess, Name, Runs
from raysearch.errors import InputError
from raysearch.study.folders import RUNS


def resume(
    name: Name,
    trials: Annotated[
        str | None, typer.Option("--trials", metavar="+N", help="Search N trials more.")
    ] = None,
    window: Annotated[
        int | None, typer.Option("--window", help="Ask more trials ahead from here on, for a larger cluster.")
    ] = None,
    allow_skew: Annotated[
        bool, typer.Option("--allow-skew", help="Go on although packages have changed; the bits may differ.")
    ] = False,
    runs: Runs = RUNS,
    address: Address = None,
    in_process: InProcess = False,
) -> None:
    """Go on with a study: nothing that was finished runs again."""
    from raysearch.cli.tune import resume_study
    from raysearch.cluster.request import Where, Wish
    from raysearch.study.folders import existing_study

    if trials is not None and not re.fullmatch(r"\+[1-9]\d*", trials):
        raise InputError(f"--trials {trials}: must be + and a number, such as +20")
    folder = existing_study(runs, name)
    wish = Wish(extra_trials=int(trials or 0), window=window)
    resume_study(folder, Where(address, in_process), wish, allow_skew=allow_skew)
