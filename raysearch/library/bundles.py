"""A study as one file, made on one machine and opened on another."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from raysearch.errors import StoppedError
from raysearch.files import owners_only
from raysearch.library.open import folder_of
from raysearch.library.trained import check_out
from raysearch.study.bundle import Packed, pack
from raysearch.study.bundle_format import SUFFIX
from raysearch.study.folders import RUNS
from raysearch.study.unbundle import Unpacked, unpack

if TYPE_CHECKING:
    from raysearch.ledger.history import History

Progress = Callable[[int, int], None]


@owners_only()
def bundle(
    name: str | Path,
    *,
    out: Path | None = None,
    everything: bool = False,
    force: bool = False,
    runs: Path = RUNS,
    progress: Progress = lambda *_: None,
) -> Packed:
    """Write a study or series into one file: all but the data.

    Args:
        name: of the study or series, or its folder.
        out: the file; by default NAME.raysearch.tar.gz in the working directory.
        everything: take all checkpoints for resume, whatever their size.
        force: replace the file if it is there.
        runs: folder that holds the studies.
        progress: told bytes done and in all.

    Raises:
        StoppedError: a signal; nothing was written.
        RaysearchError: as :func:`raysearch.study.bundle.pack`.
    """
    folder = folder_of(name, runs)
    out = out or Path(folder.name + SUFFIX)
    check_out(out, force=force)
    with _nothing_half_done():
        return pack(folder, out, everything=everything, force=force, progress=progress)


@owners_only()
def unbundle(file: str | Path, *, runs: str | Path = RUNS, progress: Progress = lambda *_: None) -> Unpacked:
    """Open the file that :func:`bundle` wrote; every byte is checked before the study appears under its name.

    Args:
        file: the bundle.
        runs: folder of the studies, where it gets the name that it has in the bundle.
        progress: told bytes done and in all.

    Raises:
        StoppedError: a signal; nothing was written.
        RaysearchError: as :func:`raysearch.study.unbundle.unpack`.
    """
    with _nothing_half_done():
        return unpack(Path(file), Path(runs), progress=progress)


def lacks(history: History) -> Iterator[str]:
    """Say what a study lacks on this machine: data that it was trained on, a task of the user's own."""
    data = history.created.data.get("path")
    for path in [data] if isinstance(data, str) else data or ():
        if path and not Path(path).exists():
            yield (
                f"data: {path} is not on this machine; resume, crossval and prune need it there, "
                "with the bytes that the ledger names. predict takes any --data"
            )
    task = str(history.created.space_file["task"]).rpartition(":")[0]
    if task:
        if Path(task).is_file():
            yield f"task: predict, export, prune and resume run {task} on this machine, if it is the same"
        else:
            yield f"task: {task} is not on this machine; predict, export, prune and resume need it there"


@contextmanager
def _nothing_half_done() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM take away what is half done; only the main thread hears signals."""

    def stop(number: int, _: FrameType | None) -> NoReturn:
        raise StoppedError("stopped; nothing was written", number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # An exception unwinds through the code that removes the half-written file; the default would not.
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
