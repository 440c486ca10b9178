"""A second start reads no value twice, and never believes too much."""

import dataclasses
import json
import os
import shutil

import h5py
import pytest

from raysearch.data import checked as module
from raysearch.data.checked import checked
from raysearch.data.files import content_sha256
from raysearch.data.jets.files import check_jets
from raysearch.data.kinds import KINDS
from raysearch.errors import InputError


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache, and a process that has just begun."""
    monkeypatch.setenv("RAYSEARCH_CACHE", str(tmp_path / "cache"))
    module._checked.cache_clear()
    yield tmp_path / "cache" / "arrays"
    module._checked.cache_clear()


def start(monkeypatch):
    """Begin anew; returns what is checked from now on."""
    module._checked.cache_clear()
    read = []

    def check(path):
        read.append(path)
        return check_jets(path)

    monkeypatch.setitem(module.KINDS, "jets", dataclasses.replace(KINDS["jets"], check=check))
    return read


def test_a_second_start_recalls_all_of_the_first(write_public, monkeypatch):
    path = write_public(n=25)
    read = start(monkeypatch)
    first = checked("jets", path)
    assert first == check_jets(path)
    assert checked("jets", path) is first
    assert read == [path]
    read = start(monkeypatch)
    again = checked("jets", path)
    assert again == first
    assert isinstance(again.multiplicity, tuple)
    assert read == []


def test_a_changed_file_is_read_anew_even_if_its_time_is_set_back(write_public, monkeypatch):
    path = write_public()
    checked("jets", path)
    stat = path.stat()
    with h5py.File(path, "r+") as file:
        file["jets"][3, 0] = float("nan")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert path.stat().st_size == stat.st_size
    start(monkeypatch)
    with pytest.raises(InputError, match="1 jet columns that are not finite"):
        checked("jets", path)


def test_a_fault_is_told_at_each_start(write_public, monkeypatch):
    path = write_public(change=lambda datasets: datasets.update(jets=None))
    for _ in range(2):
        start(monkeypatch)
        with pytest.raises(InputError, match="jets: is missing"):
            checked("jets", path)


def test_the_same_content_elsewhere_is_known_under_its_own_path(write_public, tmp_path, monkeypatch):
    path = write_public()
    checked("jets", path)
    (tmp_path / "elsewhere").mkdir()
    copy = shutil.copy(path, tmp_path / "elsewhere" / path.name)
    read = start(monkeypatch)
    assert checked("jets", copy).files == (copy,)
    assert read == []


def test_another_version_another_kind_and_a_spoilt_memo_are_not_believed(write_public, cache, monkeypatch):
    path = write_public()
    found = checked("jets", path)
    (memo,) = cache.glob("check-*.json")
    whole = memo.read_text()
    another = whole.replace('"n": 20', '"n": 28')
    assert another != whole
    for spoilt in ("", "[]", "{}", json.dumps({"n": 20}), whole[:-5], another):
        memo.write_text(spoilt)
        read = start(monkeypatch)
        assert checked("jets", path) == found
        assert read == [path]
    monkeypatch.setattr(module, "__version__", "0.0.1")
    read = start(monkeypatch)
    assert checked("jets", path) == found
    assert read == [path]
    with pytest.raises(InputError, match="ECAL: is missing"):
        checked("showers", path)


def test_what_is_written_to_while_it_is_checked_is_not_kept(write_public, cache, monkeypatch):
    path = write_public()

    def check(path):
        found = check_jets(path)
        with h5py.File(path, "r+") as file:
            file["jets"][3, 0] = 7.0
        return dataclasses.replace(found, sha256={path.name: content_sha256(path)})

    monkeypatch.setitem(module.KINDS, "jets", dataclasses.replace(KINDS["jets"], check=check))
    checked("jets", path)
    assert list(cache.glob("check-*.json")) == []


def test_without_a_cache_files_are_checked_all_the_same(write_public, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("RAYSEARCH_CACHE", str(tmp_path / "file"))
    path = write_public()
    assert checked("jets", path) == check_jets(path)
