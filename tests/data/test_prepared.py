import errno
import os
import shutil
import stat
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
import torch

from raysearch.data import array_files, files
from raysearch.data import prepared as module
from raysearch.data.files import content_sha256
from raysearch.data.prepared import Plan, as_tensor, prepared
from raysearch.data.prepared_files import prepared_of_files
from raysearch.errors import InputError, StorageError


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RAYSEARCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "arrays"


class Numbers:
    """Plans an array of n rows in three pieces, and counts how often it is asked for them."""

    def __init__(self, n=100, fault=None):
        self.n, self.fault, self.read = n, fault, 0

    def __call__(self):
        f4, i8 = np.dtype("<f4"), np.dtype("<i8")
        return Plan({"x": ((self.n, 2), f4), "y": ((self.n,), i8)}, self.pieces)

    def pieces(self):
        self.read += 1
        for rows in np.array_split(np.arange(self.n), 3):
            yield {"x": rows[:, None] + np.array([0.0, 0.5]), "y": rows}
        if self.fault is not None:
            raise self.fault

    def expected(self):
        return np.arange(self.n)[:, None] + np.array([0, 0.5], np.float32)


def names(cache):
    return sorted(path.name for path in cache.iterdir() if path.is_dir())


def test_arrays_are_read_once_and_then_mapped(cache):
    numbers = Numbers()
    first, second = (prepared({"a": 1}, numbers) for _ in range(2))
    assert numbers.read == 1
    for arrays in (first, second):
        np.testing.assert_array_equal(arrays["x"], numbers.expected())
        assert arrays["x"].dtype == np.float32
        assert arrays["y"].tolist() == list(range(100))
        assert isinstance(arrays["x"], np.memmap)
        assert not arrays["x"].flags.writeable
    tensor = as_tensor(first["x"])
    assert tensor.data_ptr() == first["x"].ctypes.data
    assert torch.equal(tensor, torch.from_numpy(numbers.expected()))


def test_another_identity_is_another_entry(cache):
    assert len(prepared({"a": 1}, Numbers())["x"]) == 100
    assert len(prepared({"a": 2}, Numbers(7))["x"]) == 7
    assert len(names(cache)) == 2


def test_the_cache_is_its_owners_alone(cache):
    prepared({}, Numbers())
    for folder in (cache, *cache.iterdir()):
        if folder.is_dir():
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "spoil",
    [
        lambda entry: (entry / "x.npy").unlink(),
        lambda entry: (entry / "about.json").unlink(),
        lambda entry: (entry / "about.json").write_text("{"),
        lambda entry: (entry / "x.npy").write_bytes((entry / "x.npy").read_bytes()[:-1]),
        lambda entry: (entry / "x.npy").write_bytes(b""),
        lambda entry: np.save(entry / "x.npy", np.zeros((100, 2), np.int32)),
        lambda entry: shutil.copy(entry / "y.npy", entry / "x.npy"),
    ],
)
def test_an_entry_that_is_not_whole_is_read_again(cache, spoil):
    numbers = Numbers()
    prepared({}, numbers)
    spoil(cache / names(cache)[0])
    np.testing.assert_array_equal(prepared({}, numbers)["x"], numbers.expected())
    assert numbers.read == 2
    assert len(names(cache)) == 1


def test_an_entry_whose_numbers_were_changed_is_told_once_and_made_again(cache, caplog):
    numbers = Numbers()
    prepared({}, numbers)
    (entry,) = names(cache)
    array = np.lib.format.open_memmap(cache / entry / "x.npy", mode="r+")
    array[::7] *= -1
    array.flush()
    for _ in range(2):
        np.testing.assert_array_equal(prepared({}, numbers)["x"], numbers.expected())
    assert numbers.read == 2
    assert [entry in line and "damaged" in line for line in caplog.messages] == [True]


def test_content_is_read_once_in_each_process(cache, monkeypatch):
    prepared({}, Numbers())
    monkeypatch.setattr(array_files.hashlib, "file_digest", lambda *_: pytest.fail("read again"))
    prepared({}, Numbers())
    array_files._verified.clear()  # as a process that has just begun
    with pytest.raises(pytest.fail.Exception):
        prepared({}, Numbers())


def test_a_file_that_is_changed_while_it_is_read_leaves_nothing_under_its_old_sum(cache, tmp_path):
    path = tmp_path / "file"
    path.write_text("one")
    numbers = Numbers()
    whole = numbers.pieces

    def pieces():
        path.write_text("two")
        yield from whole()

    numbers.pieces = pieces
    with pytest.raises(InputError, match="file: was changed while it was read"):
        prepared_of_files([path], {}, numbers)
    assert names(cache) == []
    assert len(prepared_of_files([path], {}, Numbers())["x"]) == 100


@pytest.mark.parametrize("fault", [InputError("damaged"), KeyboardInterrupt()])
def test_a_fault_while_reading_reaches_the_caller_and_leaves_nothing(cache, fault):
    with pytest.raises(type(fault)):
        prepared({}, Numbers(fault=fault))
    assert names(cache) == []


def test_a_killed_writer_leaves_no_entry_and_its_rest_is_dropped_after_a_day(cache):
    code = (
        "import os, signal, sys; sys.path.insert(0, sys.argv[1]); import test_prepared as t\n"
        "numbers = t.Numbers()\n"
        "whole = numbers.pieces\n"
        "def pieces():\n"
        "    yield next(whole()); os.kill(os.getpid(), signal.SIGKILL)\n"
        "numbers.pieces = pieces\n"
        "t.prepared({}, numbers)\n"
    )
    here = str(Path(__file__).parent)
    assert subprocess.run([sys.executable, "-c", code, here], check=False).returncode == -9
    (left,) = names(cache)
    assert left.endswith(".part")
    numbers = Numbers()
    prepared({}, numbers)
    assert numbers.read == 1
    assert left in names(cache)  # it may be another process at work
    long_ago = time.time() - 2 * module.STALE_S
    for path in (*(cache / left).iterdir(), cache / left):
        os.utime(path, (long_ago, long_ago))
    prepared({"b": 1}, numbers)
    assert left not in names(cache)


def test_processes_that_race_read_once(cache, tmp_path):
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_prepared as t\n"
        "numbers = t.Numbers(1000)\n"
        "sys.stdin.readline()\n"
        "x = t.prepared({}, numbers)['x']\n"
        "assert (x == numbers.expected()).all()\n"
        "print(numbers.read)\n"
    )
    here = str(Path(__file__).parent)
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", code, here], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for racer in racers:
        racer.stdin.write("go\n")
        racer.stdin.flush()
    assert sorted(racer.communicate()[0] for racer in racers) == ["0\n", "1\n"]


def age(cache, seconds):
    """Make every entry older by so much."""
    for entry in (cache / name for name in names(cache)):
        before = entry.stat().st_mtime - seconds
        os.utime(entry, (before, before))


def test_the_least_recently_used_entries_go_when_the_cache_is_full(cache, monkeypatch):
    first, second, third = Numbers(), Numbers(), Numbers()
    prepared({"number": 1}, first)
    entry_bytes = sum(path.stat().st_size for path in (cache / names(cache)[0]).iterdir())
    monkeypatch.setattr(module, "LIMIT_BYTES", int(2.5 * entry_bytes))
    age(cache, 10)
    mapped = prepared({"number": 2}, second)
    age(cache, 10)
    prepared({"number": 1}, first)  # so that 2 is the least recently used
    prepared({"number": 3}, third)
    assert len(names(cache)) == 2
    np.testing.assert_array_equal(mapped["x"], second.expected())  # who has it keeps it
    prepared({"number": 1}, first)
    prepared({"number": 2}, second)
    assert (first.read, second.read, third.read) == (1, 2, 1)


def test_a_full_disk_means_memory_or_a_clear_error(cache, monkeypatch, caplog):
    prepared({"small": 1}, Numbers(3))
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**6, 10**6 - 100, 100))
    arrays = prepared({}, Numbers())
    np.testing.assert_array_equal(arrays["x"], Numbers().expected())
    assert not isinstance(arrays["x"], np.memmap)
    assert "do not fit" in caplog.text
    assert len(names(cache)) == 1  # what would not make room enough stays
    monkeypatch.setattr(module, "MEMORY_SHARE", 0.0)
    with pytest.raises(StorageError, match="do not fit.*set RAYSEARCH_CACHE to a folder with room"):
        prepared({}, Numbers())


def test_a_disk_that_is_nearly_full_loses_old_entries_first(cache, monkeypatch):
    prepared({"number": 1}, Numbers())
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(20_000, 18_000, 2000))  # 1,000 stay free
    prepared({"number": 2}, two := Numbers())
    prepared({"number": 2}, two)
    assert two.read == 1
    assert len(names(cache)) == 1


def test_a_disk_that_fills_up_while_writing_leaves_nothing_half_done(cache):
    numbers = Numbers()
    faults = [OSError(errno.ENOSPC, "No space left on device")]
    whole = numbers.pieces

    def pieces():
        yield from whole()
        if faults:
            raise faults.pop()

    numbers.pieces = pieces
    np.testing.assert_array_equal(prepared({}, numbers)["x"], numbers.expected())
    assert names(cache) == []


def test_a_cache_that_cannot_be_made_is_done_without(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RAYSEARCH_CACHE", str(tmp_path / "file" / "cache"))
    np.testing.assert_array_equal(prepared({}, Numbers())["x"], Numbers().expected())
    assert content_sha256(tmp_path / "file").startswith("e3b0c442")


def test_a_process_knows_a_sum_until_the_file_changes_or_a_study_begins(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "SETTLED_S", -1)
    path = tmp_path / "file"
    path.write_text("one")
    one = content_sha256(path)
    with monkeypatch.context() as patch:
        patch.setattr(files, "_sha256", lambda path: pytest.fail("read again"))
        assert content_sha256(path) == one
    with monkeypatch.context() as patch:
        patch.setattr(files, "_sha256", lambda path: "read again")
        files.forget_sums()
        assert content_sha256(path) == "read again"
    path.write_text("two")  # of the same size
    assert content_sha256(path) not in {one, "read again"}


def test_a_file_that_was_changed_just_now_is_read_each_time(tmp_path, monkeypatch):
    # a clock of 4 ms gives two changes one stamp; as long as anybody could wait, here
    monkeypatch.setattr(files, "SETTLED_S", 3600)
    path = tmp_path / "file"
    path.write_text("one")
    content_sha256(path)
    monkeypatch.setattr(files, "_sha256", lambda path: "read again")
    assert content_sha256(path) == "read again"


def test_no_other_processs_word_on_content_is_taken(cache, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "SETTLED_S", -1)
    path = tmp_path / "file"
    path.write_text("one")
    content_sha256(path)
    files._known.clear()  # as a process that has just begun
    monkeypatch.setattr(files, "_sha256", lambda path: "read again")
    assert content_sha256(path) == "read again"


def test_two_processes_that_train_on_an_entry_share_its_memory(cache):
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_prepared as t, torch\n"
        "x = t.as_tensor(t.prepared({}, t.Numbers(4_000_000))['x'])\n"
        "for rows in torch.randperm(len(x)).split(100_000): x.index_select(0, rows)\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "kilobytes = lambda name: sum(int(line.split()[1]) for part in maps for line in part if "
        "line.startswith(name))\nmaps = [part.splitlines() for part in "
        "open('/proc/self/smaps').read().split('VmFlags') if 'x.npy' in part]\nprint(kilobytes('Rss:'), "
        "kilobytes('Pss:'), kilobytes('Private_Dirty:')); sys.stdin.readline()\n"
    )
    here = str(Path(__file__).parent)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, here], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    assert [process.stdout.readline() for process in processes] == ["ready\n"] * 2
    found = []
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
        found.append([int(word) for word in process.stdout.readline().split()])
    for process in processes:
        process.communicate("\n")
    size = 4_000_000 * 8 / 1024
    for resident, proportional, dirty in found:
        assert resident > 0.95 * size
        assert proportional < 0.55 * size
        assert dirty == 0
