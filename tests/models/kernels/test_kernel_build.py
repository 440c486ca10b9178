"""Kernels are compiled once, into a folder that nobody else may enter; what fails is said once."""

import logging
import shutil
from pathlib import Path

import pytest

from raysearch.models.kernels import build

TINY = Path(__file__).parent / "tiny.cpp"

needs_compiler = pytest.mark.skipif(
    not any(map(shutil.which, build.COMPILERS)), reason="no C++ compiler here"
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("RAYSEARCH_CACHE", str(tmp_path / "raysearch"))
    return tmp_path / "raysearch" / "kernels"


def load_anew(source, constants=()):
    """Load as another process would."""
    build.load.cache_clear()
    return build.load(source, constants)


@needs_compiler
def test_a_source_is_compiled_once(folder):
    assert build.load(TINY, ()).answer() == 42
    (library,) = folder.iterdir()
    made = library.stat().st_mtime_ns
    assert load_anew(TINY).answer() == 42
    assert [file.stat().st_mtime_ns for file in folder.iterdir()] == [made]
    assert folder.stat().st_mode & 0o777 == 0o700


def cut(library: Path) -> None:
    part = library.with_suffix(".part")  # this process has the file itself loaded
    part.write_bytes(library.read_bytes()[:5000])
    part.replace(library)


def swap(library: Path) -> None:
    """Put another library in its place, which loads and computes something else."""
    constants = (("VALUE", 41),)
    other = library.parent.parent / "tiny.cpp"
    other.write_text('extern "C" int answer() { return VALUE; }')
    build.load(other, constants)
    (made,) = set(library.parent.iterdir()) - {library}
    made.replace(library)


@needs_compiler
@pytest.mark.parametrize("damage", [cut, swap])
def test_a_library_that_is_not_what_was_compiled_is_told_and_compiled_again(folder, damage, caplog):
    build.load(TINY, ())
    (library,) = folder.iterdir()
    damage(library)
    build.load.cache_clear()
    assert load_anew(TINY).answer() == 42
    assert f"{library} was damaged: set aside and compiled again" in caplog.text
    assert {file.suffix for file in folder.iterdir()} == {".so", ".corrupt"}


@needs_compiler
def test_constants_and_sources_have_libraries_of_their_own(folder, tmp_path):
    changed = tmp_path / "tiny.cpp"
    changed.write_text('extern "C" int answer() { return VALUE; }')
    for value in (1, 2):
        assert build.load(changed, (("VALUE", value),)).answer() == value
    assert build.load(TINY, ()).answer() == 42
    assert len(list(folder.iterdir())) == 3


@needs_compiler
def test_a_changed_header_makes_a_new_library(folder, tmp_path):
    source, header = tmp_path / "tiny.cpp", tmp_path / "value.h"
    source.write_text('#include "value.h"\nextern "C" int answer() { return VALUE; }')
    for value in (1, 2):
        header.write_text(f"#define VALUE {value}\n")
        assert load_anew(source).answer() == value


@needs_compiler
def test_what_the_compiler_says_is_told_once_and_leaves_nothing(folder, tmp_path, caplog):
    broken = tmp_path / "broken.cpp"
    broken.write_text("int answer() { return nothing; }")
    with caplog.at_level(logging.WARNING):
        assert build.load(broken, ()) is None
        assert load_anew(broken) is None
    (record,) = caplog.records
    assert "nothing" in record.getMessage()
    assert list(folder.iterdir()) == []


def test_no_compiler_is_told(folder, tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert build.load(TINY, ()) is None
    assert "no C++ compiler on PATH" in caplog.text


@needs_compiler
@pytest.mark.parametrize("mode", [0o770, 0o707, 0o755])
def test_a_folder_that_others_may_enter_is_refused(folder, mode, caplog):
    folder.mkdir(parents=True)
    folder.chmod(mode)
    assert build.load(TINY, ()) is None
    assert "mode 0700" in caplog.text
    assert list(folder.iterdir()) == []


@needs_compiler
def test_a_link_to_another_folder_is_refused(folder, tmp_path, caplog):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    folder.parent.mkdir()
    folder.symlink_to(elsewhere)
    assert build.load(TINY, ()) is None
    assert list(elsewhere.iterdir()) == []


@needs_compiler
def test_a_cache_that_cannot_be_made_is_told(tmp_path, folder, caplog):
    (tmp_path / "raysearch").write_text("a file where the folder should be")
    assert build.load(TINY, ()) is None
    assert "no fused kernel" in caplog.text
