"""A process of its own that follows one study's ledger and mirrors it into MLflow.

``python -m raysearch.tracking.mirror FOLDER``. It ends some time after the study did, or at once when
another one is there already; whatever it could not deliver, the next mirror does. The study never waits
for it: it is started and forgotten, and this file imports MLflow only where a mirror runs.
"""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from raysearch.errors import RaysearchError
from raysearch.ledger.ledger import FILE_NAME, is_held, read_entries
from raysearch.ledger.study_records import Opened
from raysearch.tracking.address import (
    QUIET,
    environment,
    is_server,
    login_of,
    redact,
    sqlite_file,
    tracking_uri,
)
from raysearch.tracking.only_one import only_mirror
from raysearch.tracking.sent_files import digest_of

if TYPE_CHECKING:
    from raysearch.tracking.delivery import Delivery

LOG = "mirror.log"
TABLES = ("pandas", "pyarrow")
AT_IT = "its own mirror is at it"
_log = logging.getLogger(__name__)
_State = tuple[int, str]
_started: list[subprocess.Popen[bytes]] = []  # kept, or Python warns that nobody waits for them


class _DatabaseGoneError(Exception):
    """The file of MLflow's database was deleted or replaced; MLflow writes on into the one that is gone."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How a mirror waits, in seconds.

    Attributes:
        poll_s: between two looks at the ledger.
        longest_wait_s: between two tries when MLflow does not answer; waits double up to it.
        give_up_s: after the study ended, until the mirror ends with records undelivered.
        linger_s: after the study ended, for its process to write the report and end; a report that is ready
            later starts a mirror of its own (:func:`raysearch.tracking.kept.ensure_mirror`).
    """

    poll_s: float = 2.0
    longest_wait_s: float = 60.0
    give_up_s: float = 300.0
    linger_s: float = 120.0


def start_mirror(folder: Path, uri: str | None = None) -> subprocess.Popen[bytes]:
    """Start a mirror of the study in ``folder`` and return its process at once, without importing MLflow.

    Args:
        folder: the study's folder, with a ledger.
        uri: tracking address; by default :func:`raysearch.tracking.address.tracking_uri`.
    """
    # The address goes by the environment: it may hold a password, and everybody can read arguments.
    surroundings = os.environ | QUIET | {"MLFLOW_TRACKING_URI": tracking_uri(uri)}
    command = [sys.executable, "-m", "raysearch.tracking.mirror", str(folder.resolve())]
    log = os.open(folder / LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=surroundings,
            start_new_session=True,  # Ctrl-C and the end of the terminal are the study's, not its
        )
    finally:
        os.close(log)
    _started.append(process)
    return process


def mirror_now(folder: Path, uri: str | None = None, timeout_s: float = 60.0) -> str:
    """Catch up once, in this process, and return why not, or nothing when MLflow holds everything.

    Takes no longer than ``timeout_s`` plus one call to MLflow (at most 20 s).
    """
    uri = tracking_uri(uri)
    limits = QUIET | login_of(uri) | {"MLFLOW_HTTP_REQUEST_TIMEOUT": str(max(1, min(20, int(timeout_s))))}
    with only_mirror(folder) as is_mine, environment(limits):
        if not is_mine:
            return AT_IT
        try:
            return _connect(folder, uri, time.monotonic() + timeout_s).deliver(is_held=is_held(folder))
        except Exception as error:  # noqa: BLE001 - whatever MLflow raises, the study's records are safe
            return _one_line(error, uri)


def follow(folder: Path, uri: str, patience: Patience) -> None:
    """Mirror the study until nobody holds it and all is delivered, or patience is at its end."""
    while True:
        with only_mirror(folder) as is_mine:
            if not is_mine:
                return
            end = _Follower(folder, uri, patience).follow()
        # A study taken up again since then, or a report that was ready only now, started a mirror that found
        # this one still there.
        if not is_held(folder) and _state(folder) == end:
            return


class _Follower:
    def __init__(self, folder: Path, uri: str, patience: Patience) -> None:
        self._folder, self._uri, self._patience = folder, uri, patience
        self._delivery: Delivery | None = None
        self._n_failures = 0
        self._refused = ""
        self._database: tuple[int, int] | None = None  # the file that MLflow has open

    def follow(self) -> _State:
        """Return the state in which the study was over and delivered."""
        delivered: tuple[bool, _State, bool] | None = None
        ended: float | None = None
        while True:
            if self._database is not None and _file_of(self._uri) != self._database:
                raise _DatabaseGoneError
            began = time.monotonic()
            is_going = is_held(self._folder)  # asked first: nothing is written after "no"
            ended = None if is_going else ended or began
            is_waiting = (
                ended is not None and began - ended < self._patience.linger_s and self._driver_is_there()
            )
            now = (is_going, _state(self._folder), is_waiting)
            had_failed = self._n_failures > 0
            failure = "" if now == delivered else self._try(is_held=is_going)
            if failure:
                if ended is not None and time.monotonic() - ended > self._patience.give_up_s:
                    _log.error("gave up, run `raysearch dashboard` later to deliver the rest: %s", failure)
                    return now[1]
            elif had_failed:
                # A call that failed may have been carried out, and only its answer lost.
                self._delivery, delivered = None, None  # ask MLflow what the failed calls did after all
                continue
            elif not is_going and not is_waiting:
                return now[1]
            else:
                delivered = now
            time.sleep(self._wait(time.monotonic() - began))

    def _driver_is_there(self) -> bool:
        """Whether the process that had the study last still lives: it may be writing the report."""
        records = (entry.record for entry in reversed(read_entries(self._folder)))
        opened = next(record for record in records if isinstance(record, Opened))
        try:
            os.kill(opened.pid, 0)  # asks, and does nothing
        except OSError:
            return False
        return opened.host == socket.gethostname()

    def _try(self, *, is_held: bool) -> str:
        try:
            if self._delivery is None:
                self._delivery = _connect(self._folder, self._uri)
                self._database = _file_of(self._uri)
            refused = self._delivery.deliver(is_held=is_held)
        except Exception as error:  # noqa: BLE001 - whatever MLflow raises, the next try asks what it holds
            failure = _one_line(error, self._uri)
            if not self._n_failures:
                _log.warning("MLflow did not take everything, trying on: %s", failure)
            self._delivery = None
            self._n_failures += 1
            return failure
        if refused != self._refused:
            _log.warning("%s", refused)
        self._refused, self._n_failures = refused, 0
        return ""

    def _wait(self, spent: float) -> float:
        """Leave the processor to the trainings: at most a quarter of one core while all is well."""
        if self._n_failures:
            # Doubling, for a server that is overloaded does not recover under more tries.
            return min(self._patience.poll_s * 2 ** (self._n_failures - 1), self._patience.longest_wait_s)
        return max(self._patience.poll_s, 3 * spent)


def _connect(folder: Path, uri: str, deadline: float = float("inf")) -> Delivery:
    # MLflow takes seconds to import, and every driver imports this file.
    from raysearch.tracking.delivery import Delivery  # noqa: PLC0415

    return Delivery(folder, uri, deadline=deadline)


def _import_less(uri: str) -> None:
    """Have MLflow import no tables, which it does without where it is installed as mlflow-skinny.

    They are a third of a mirror's memory. A store of somebody else's may need them.
    """
    if is_server(uri) or sqlite_file(uri) is not None:
        sys.modules |= dict.fromkeys(TABLES)  # type: ignore[arg-type] # None: as if it were not there


def _file_of(uri: str) -> tuple[int, int] | None:
    """Which file an SQLite address leads to now; None if there is none, or MLflow is no file."""
    file = sqlite_file(uri)
    try:
        found = file.stat() if file is not None else None
    except OSError:
        return None
    return found and (found.st_dev, found.st_ino)


def _state(folder: Path) -> _State:
    """What a study has to deliver, told by the length of its ledger and the times of its files."""
    return (folder / FILE_NAME).stat().st_size, digest_of(folder)


def _one_line(error: Exception, uri: str) -> str:
    text = redact(f"{type(error).__name__}: {error}", uri)
    return " ".join(text.split())[:300]


def main(folder: Path) -> int:
    """Run one mirror to its end; its few lines go to ``mirror.log`` in the study's folder."""
    command = [sys.executable, "-m", "raysearch.tracking.mirror", str(folder)]
    os.nice(19)  # behind every training on this machine
    os.umask(0o077)  # MLflow makes the database and its files with whatever the umask leaves
    uri = tracking_uri()
    os.environ.update(QUIET | login_of(uri))
    _import_less(uri)
    log = os.open(folder / LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    handler = logging.StreamHandler(os.fdopen(log, "a"))
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    _log.addHandler(handler)
    try:
        follow(folder, uri, Patience())
    except _DatabaseGoneError:
        _log.warning("the database is gone; all is delivered once more, to a new one")
        handler.close()
        os.execv(sys.executable, command)
    except (RaysearchError, OSError) as error:
        _log.error("ended: %s", error)
        return 74
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
