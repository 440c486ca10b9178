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
        str | None,
        typer.Option("--trials", metavar="+N", help="Search N trials more; of a series, in each member."),
    ] = None,
    window: Annotated[
        int | None, typer.Option("--window", help="Ask more trials ahead from here on, for a larger cluster.")
    ] = None,
    disk: Annotated[
        str | None,
        typer.Option(metavar="SIZE", help="Disk budget of the study from here on, such as 4GB."),
    ] = None,
    allow_skew: Annotated[
        bool, typer.Option("--allow-skew", help="Go on although packages have changed; the bits may differ.")
    ] = False,
    runs: Runs = RUNS,
    address: Address = None,
    in_process: InProcess = False,
) -> None:
    """Go on with a study or series; nothing finished runs again."""
    from raysearch.cli.carry import begin, carry_out_all, go_on
    from raysearch.cli.start import carry_out_series
    from raysearch.launch.request import Where, Wish
    from raysearch.space.sizes import parse_size
    from raysearch.space.space_file import change_space_file
    from raysearch.study.folders import existing_folder, has_begun, is_series
    from raysearch.study.series import read_series

    if trials is not None and not re.fullmatch(r"\+[1-9]\d*", trials):
        raise InputError(f"--trials {trials}: must be + and a number, such as +20")
    if disk is not None:
        try:
            parse_size(disk)
        except ValueError as error:
            raise InputError(f"--disk {disk}: {error}") from error
    folder = existing_folder(runs, name)
    wish = Wish(extra_trials=int(trials or 0), window=window, disk=disk)
    where = Where(address, in_process)
    if not is_series(folder):
        job = go_on(folder, wish, allow_skew=allow_skew)
        carry_out_all([job] if job else [], where)
        return
    from raysearch.launch.prepare import prepare  # with torch: takes seconds

    changes = [] if disk is None else [f"storage.disk={disk}"]
    jobs = [
        go_on(folder / member, wish, allow_skew=allow_skew)
        if has_begun(folder / member)
        else begin(
            prepare(change_space_file(space_file, changes), folder), folder / member, wish, folder.name
        )
        for member, space_file in read_series(folder).items()
    ]
    carry_out_series([job for job in jobs if job], where, folder)
