"""Go on with a study or series that was stopped, killed or finished."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from raysearch.data.files import forget_sums
from raysearch.errors import InputError
from raysearch.files import owners_only
from raysearch.launch.request import CodeChoice, Wish
from raysearch.library.carry import carry_out_series
from raysearch.library.jobs import Job, begin, go_on
from raysearch.library.open import folder_of, open_folder
from raysearch.library.stopping import stop_flag
from raysearch.library.tune import where_runs
from raysearch.library.watching import Show, Watcher, watcher_for
from raysearch.space.run_limits import overrides, wished
from raysearch.space.sizes import parse_size
from raysearch.space.space_file import change_space_file
from raysearch.study.claim import claimed
from raysearch.study.folders import RUNS, has_begun, is_series
from raysearch.study.series import read_series

if TYPE_CHECKING:
    from raysearch.library.opened_series import OpenedSeries
    from raysearch.library.opened_study import OpenedStudy


@owners_only()
def resume(
    name: str | Path,
    *,
    trials: int = 0,
    window: int | None = None,
    disk: str | None = None,
    time: str | float | None = None,
    run_time: str | float | None = None,
    silence: str | float | None = None,
    memory: str | None = None,
    retry_failed: bool = False,
    allow_skew: bool = False,
    code: CodeChoice = None,
    runs: str | Path = RUNS,
    address: str | None = None,
    local: bool = False,
    show: Show | Watcher = "auto",
) -> OpenedStudy | OpenedSeries:
    """Go on with a study or series; nothing finished runs again.

    Args:
        name: of the study or series, or its folder.
        trials: so many more; of a series, in each member.
        window: ask so many trials ahead from here on, for a larger cluster.
        disk: disk budget from here on, such as ``4GB``.
        time: of this and each later start, such as ``2h`` or seconds; ``none`` for no limit.
        run_time: that a run may take from here on.
        silence: between two epochs of a run, from here on.
        memory: of each worker of a run from here on, such as ``4GB``.
        retry_failed: try the runs again that failed; those whose loss was no number would fail again.
        allow_skew: go on although packages have changed; the bits may differ.
        code: where the code of a task of your own was changed since the study began: ``kept`` goes on with
            the study's copy, ``changed`` with what is there now, which the ledger tells.
        runs: folder that holds the studies.
        address: of a Ray cluster; see :func:`raysearch.tune`.
        local: carry runs out in this process.
        show: see :func:`raysearch.library.watching.watcher_for`.

    Raises:
        InputError: there is no such study, a wish is wrong, or data, task or packages are not what they were.
        StudyBusyError: another process carries it out.
        RaysearchError: as :func:`raysearch.tune`.
    """
    if trials < 0:
        raise InputError(f"trials={trials}: so many more, needs at least 0")
    # Before data and task are looked at, which takes seconds.
    if disk is not None:
        try:
            parse_size(disk)
        except ValueError as error:
            raise InputError(f"--disk {disk}: {error}") from error
    folder, watcher = folder_of(name, Path(runs)), watcher_for(show)
    limits = wished({"time": time, "run_time": run_time, "silence": silence, "memory": memory})
    wish = Wish(
        extra_trials=trials, window=window, disk=disk, code=code, limits=limits, retry_failed=retry_failed
    )
    where = where_runs(address, local=local)
    forget_sums()  # a notebook may have had other studies before
    with claimed(folder), stop_flag(watcher, folder) as stop:
        with stop.breaking_off("the checks"):
            jobs = _jobs(folder, wish, watcher, allow_skew=allow_skew)
        carry_out_series(jobs, where, folder, watcher, stop)
    return open_folder(folder)


def _jobs(folder: Path, wish: Wish, watcher: Watcher, *, allow_skew: bool) -> list[Job]:
    """What is left to do of a study, or of each member of a series."""
    if not is_series(folder):
        job = go_on(folder, wish, watcher, allow_skew=allow_skew)
        return [job] if job else []
    from raysearch.launch.prepare import prepare  # with torch: takes seconds

    changes = [] if wish.disk is None else [f"storage.disk={wish.disk}"]
    changes += overrides(wish.limits)
    jobs = [
        go_on(folder / member, wish, watcher, allow_skew=allow_skew)
        if has_begun(folder / member)
        else begin(
            prepare(change_space_file(space_file, changes), folder), folder / member, wish, folder.name
        )
        for member, space_file in read_series(folder).items()
    ]
    return [job for job in jobs if job]
