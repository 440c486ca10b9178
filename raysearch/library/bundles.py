"""A study as one file, made on one machine and opened on another."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from raysearch.errors import StoppedError
from raysearch.files import owners_only
from raysearch.library.open import folder_of
from raysearch.library.trained import check_out
from raysearch.library.watching import Watcher
from raysearch.study.bundle import Packed, pack
from raysearch.study.bundle_format import SUFFIX
from raysearch.study.folders import RUNS, name_of
from raysearch.study.unbundle import Unpacked, unpack

if TYPE_CHECKING:
    from raysearch.ledger.history import History

CATCH_UP_S = 120.0
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
    if data and not Path(data).exists():
        yield (
            f"data: {data} is not on this machine; resume, crossval and prune need it there, "
            "with the bytes that the ledger names. predict takes any --data"
        )
    task = str(history.created.space_file["task"]).rpartition(":")[0]
    if task:
        if Path(task).is_file():
            yield f"task: predict, export, prune and resume run {task}, as it is on this machine"
        else:
            yield f"task: {task} is not on this machine; predict, export, prune and resume need it there"


@owners_only()
def deliver(studies: Sequence[Path], watcher: Watcher) -> None:
    """Bring MLflow up to date; it is a mirror, so that no study is worse off without it."""
    from raysearch.tracking.address import tracking_uri
    from raysearch.tracking.mirror import mirror_now

    watcher.say("delivering to MLflow")
    uri, deadline = tracking_uri(), time.monotonic() + CATCH_UP_S
    for folder in studies:
        if problem := mirror_now(folder, uri, max(deadline - time.monotonic(), 0.0)):
            watcher.say(
                f"{name_of(folder)}: not in MLflow yet: {problem}; raysearch dashboard delivers it later"
            )


@contextmanager
def _nothing_half_done() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM take away what is half done; only the main thread hears signals."""

    def stop(number: int, _: FrameType | None) -> NoReturn:
        raise StoppedError("stopped; nothing was written", number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
