"""The ledger survives what kills its writer, and tells what damages it."""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest
from waiting import FAR_AWAY_S

from raysearch.errors import FolderError, StorageError, StudyBusyError
from raysearch.ledger.asking_records import Asked
from raysearch.ledger.entries import Entry
from raysearch.ledger.ledger import FILE_NAME, Ledger, is_held, read_entries
from raysearch.ledger.record import Record
from raysearch.ledger.run_records import Committed, Epoch
from raysearch.ledger.scanning import seal, unseal
from raysearch.ledger.study_records import Opened

RECORDS: list[Record] = [
    Opened(session=1, host="here", pid=os.getpid(), slots=2, versions={"torch": "2"}, cpu="x"),
    Asked(trial=0, settings={"x": 0.1, "act": "relu \n \u00e9"}),
    Epoch(trial=0, fold=0, attempt=1, epoch=1, seconds=0.5, metrics={"val_loss": 1 / 3}),
    Committed(trial=0, state="finished", value=1 / 3),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with Ledger(tmp_path / "study", create=True) as ledger:
        ledger.append(RECORDS)
    return tmp_path / "study"


def test_records_come_back_exactly(folder: Path) -> None:
    assert [entry.record for entry in read_entries(folder)] == RECORDS
    with Ledger(folder) as ledger:
        assert [entry.seq for entry in ledger.entries] == [0, 1, 2, 3]


def test_a_cut_at_every_byte_loses_only_the_torn_record(folder: Path) -> None:
    path = folder / FILE_NAME
    content = path.read_bytes()
    ends = [place + 1 for place, byte in enumerate(content) if byte == ord("\n")]
    for length in range(len(content) + 1):
        path.write_bytes(content[:length])
        whole = sum(end <= length for end in ends)
        with Ledger(folder) as ledger:
            assert [entry.record for entry in ledger.entries] == RECORDS[:whole]
            ledger.append([RECORDS[0]])
        assert len(read_entries(folder)) == whole + 1


def test_every_flipped_bit_is_reported(folder: Path) -> None:
    path = folder / FILE_NAME
    content = path.read_bytes()
    for place in range(len(content)):
        for bit in (0, 3, 7):
            damaged = bytearray(content)
            damaged[place] ^= 1 << bit
            path.write_bytes(damaged)
            with pytest.raises(StorageError, match=r"damaged at byte \d+"):
                read_entries(folder)
            with pytest.raises(StorageError):
                Ledger(folder)
            assert path.read_bytes() == bytes(damaged), "damage must stay as it was found"


def test_a_lost_middle_record_is_reported(folder: Path) -> None:
    path = folder / FILE_NAME
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:1] + lines[2:]))
    with pytest.raises(StorageError, match="record 2 at byte .* where 1 was expected"):
        Ledger(folder)


def _try_to_take(
    folder: Path, ready: multiprocessing.synchronize.Barrier, wins: multiprocessing.Queue[bool]
) -> None:
    ready.wait()
    try:
        ledger = Ledger(folder)
    except StudyBusyError:
        wins.put(False)
        ready.wait()
        return
    wins.put(True)
    ready.wait()
    ledger.close()


def test_of_many_simultaneous_openers_one_wins(folder: Path) -> None:
    context = multiprocessing.get_context("fork")
    n = 8
    ready, wins = context.Barrier(n), context.Queue()
    processes = [context.Process(target=_try_to_take, args=(folder, ready, wins)) for _ in range(n)]
    for process in processes:
        process.start()
    results = [wins.get(timeout=FAR_AWAY_S) for _ in processes]
    for process in processes:
        process.join()
    assert sum(results) == 1


def test_the_lock_dies_with_its_holder_and_names_it(folder: Path) -> None:
    code = (
        "from pathlib import Path; from raysearch.ledger.ledger import Ledger; "
        f"l = Ledger(Path({str(folder)!r})); print('held', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert is_held(folder)
        with pytest.raises(
            StudyBusyError, match=f"held by another process: process {os.getpid()} on here since"
        ):
            Ledger(folder)
        holder.kill()
        holder.wait()
        Ledger(folder).close()
        assert not is_held(folder)


def test_a_child_process_does_not_keep_the_lock(folder: Path) -> None:
    ledger = Ledger(folder)
    assert fcntl.fcntl(ledger._file, fcntl.F_GETFD) & fcntl.FD_CLOEXEC
    ledger.close()


def test_disk_full_is_told_and_heals(folder: Path) -> None:
    before = (folder / FILE_NAME).stat().st_size
    ledger = Ledger(folder)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (before + 20, hard))
    try:
        with pytest.raises(StorageError, match="cannot be written"):
            ledger.append(RECORDS)
        with pytest.raises(StorageError, match="not written to after an earlier failure"):
            ledger.append(RECORDS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    ledger.close()
    with Ledger(folder) as healed:
        assert [entry.record for entry in healed.entries] == RECORDS
        healed.append(RECORDS)
    assert len(read_entries(folder)) == 2 * len(RECORDS)


def test_folder_faults(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FolderError, match="cannot be opened for writing"):
        Ledger(tmp_path / "file" / "study", create=True)
    Ledger(tmp_path / "study", create=True).append(RECORDS)


def test_no_second_creation(folder: Path) -> None:
    with pytest.raises(FolderError, match="there is a study already"):
        Ledger(folder, create=True)


def test_unknown_records_are_refused(folder: Path) -> None:
    forge(folder, {"kind": "from the future"})
    with pytest.raises(StorageError, match="'from the future' is not one this version knows"):
        read_entries(folder)


def forge(folder: Path, fields: dict[str, Any]) -> None:
    """Add a record that raysearch would not write, with a checksum that holds."""
    body = json.dumps({"seq": 4, "time_ms": 0, **fields}).encode()[:-1]
    with (folder / FILE_NAME).open("ab") as file:
        file.write(body + f',"crc":"{zlib.crc32(body):08x}"}}\n'.encode())


TESTED = {
    "kind": "tested",
    "trial": 0,
    "metrics": {},
    "predictions": "test/p.npz",
    "predictions_sha256": "",
    "n_test": 9,
}


@pytest.mark.parametrize("path", ["../../x", "/etc/passwd", "trials/../../x", "a\0b"])
def test_a_file_outside_the_study_is_refused(folder: Path, path: str) -> None:
    forge(folder, TESTED | {"predictions": path})
    with pytest.raises(StorageError, match="which is not in the study's folder"):
        read_entries(folder)


@pytest.mark.parametrize(
    "change",
    [
        {"trial": "0"},
        {"trial": True},
        {"metrics": {"auc": "high"}},
        {"metrics": {"auc": float("inf")}},
        {"metrics": []},
        {"time_ms": None},
        {"more": 1},
    ],
)
def test_values_of_another_type_are_refused(folder: Path, change: dict[str, Any]) -> None:
    forge(folder, TESTED | change)
    with pytest.raises(StorageError, match="'tested' is not one this version knows"):
        read_entries(folder)


def test_numbers_that_are_none_are_refused(folder: Path) -> None:
    with Ledger(folder) as ledger, pytest.raises(ValueError, match="not JSON compliant"):
        ledger.append([Committed(trial=1, state="finished", value=float("nan"))])


def test_a_ledger_is_its_owners(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        Ledger(tmp_path / "study", create=True).close()
    finally:
        os.umask(old)
    assert (tmp_path / "study").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "study" / FILE_NAME).stat().st_mode & 0o777 == 0o600


def test_a_field_of_another_name_than_its_key_is_written_and_read_under_the_key() -> None:
    """Ledgers of 0.1.0 say ``known``, and that version reads new ones."""
    line = seal(Entry(0, 1, Asked(trial=0, settings={"x": 1}, n_committed_when_asked=3)))
    assert b'"known":3' in line.replace(b" ", b"")
    assert b"n_committed_when_asked" not in line
    entry = unseal(line)
    assert entry is not None
    assert isinstance(entry.record, Asked)
    assert entry.record.n_committed_when_asked == 3
