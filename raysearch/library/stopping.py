"""What hears Ctrl-C, SIGTERM and SIGHUP from a study's first check to its report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from raysearch.library.watching import Watcher
from raysearch.study.folders import has_begun, is_series, resume_command

if TYPE_CHECKING:
    from raysearch.launch.stop_flag import StopFlag


def stop_flag(watcher: Watcher, folder: Path) -> StopFlag:
    """Make it for what a folder holds or is to hold; to be entered.

    Args:
        watcher: told at once what is waited for.
        folder: of a study or series.
    """
    from raysearch.launch.stop_flag import StopFlag

    stop = StopFlag(watcher.say)
    if has_begun(folder) or is_series(folder):
        stop.saved = f"everything is saved; go on with: {resume_command(folder)}"
    return stop
