"""The file that ``raysearch bundle`` writes: what goes in, what comes out, and the same bytes."""

from __future__ import annotations

import os
import stat
import tarfile
from pathlib import Path

import pytest
from bundled_studies import checkpoint, make_series, make_study, tree

from raysearch.errors import FolderError, InputError, StorageError, StudyBusyError
from raysearch.ledger.ledger import Ledger, read_entries
from raysearch.study import bundle as packing
from raysearch.study.bundle import pack
from raysearch.study.unbundle import unpack

# What goes in, and what comes out


def test_what_comes_out_is_what_went_in_and_its_owners_alone(good: Path, study: Path, tmp_path: Path) -> None:
    umask = os.umask(0o000)
    try:
        opened = unpack(good, tmp_path / "runs")
    finally:
        os.umask(umask)
    assert opened.folder == tmp_path / "runs/s"
    assert opened.studies == (tmp_path / "runs/s",)
    assert tree(opened.folder) == tree(study)
    for path in [opened.folder, *opened.folder.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["s"]
    assert stat.S_IMODE(good.stat().st_mode) == 0o600


def test_an_opened_bundle_is_packed_to_the_same_bytes(good: Path, tmp_path: Path) -> None:
    opened = unpack(good, tmp_path / "runs")
    for place, path in enumerate(sorted(opened.folder.rglob("*"))):
        os.utime(path, (place, place))
    pack(opened.folder, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == good.read_bytes()


def test_any_tar_opens_it(good: Path, study: Path) -> None:
    with tarfile.open(good, "r:gz") as tar:
        assert tar.getnames() == ["bundle.json", *(f"s/{path}" for path in sorted(tree(study)))]
        assert {member.mtime for member in tar} == {0}


def test_a_series_whose_members_sort_otherwise_than_their_paths(tmp_path: Path) -> None:
    series = make_series(tmp_path / "runs/many", ("_1", "a", "a-b"))
    (series / "report").mkdir()
    (series / "report/index.html").write_text("both")
    packed = pack(series, tmp_path / "many.gz")
    assert packed.left_out == {}
    opened = unpack(tmp_path / "many.gz", tmp_path / "other")
    assert opened.studies == tuple(tmp_path / f"other/many/{name}" for name in ("_1", "a", "a-b"))
    assert tree(opened.folder) == tree(series)
    (series / "a").rename(series / ("a" * 81))
    with pytest.raises(InputError, match="no bundle holds a member called 'aaa"):
        pack(series, tmp_path / "long.gz")


def test_a_member_of_a_series_goes_with_its_series(tmp_path: Path) -> None:
    series = make_series(tmp_path / "runs/many", ("a",))
    with pytest.raises(InputError, match="many/a is a member of a series.*: raysearch bundle many$"):
        pack(series / "a", tmp_path / "out")


def test_a_study_under_way_takes_the_checkpoints_that_a_resume_needs(tmp_path: Path) -> None:
    half = make_study(tmp_path / "runs/half", done=1)
    assert pack(half, tmp_path / "half.gz").left_out == {}
    opened = unpack(tmp_path / "half.gz", tmp_path / "other")
    assert tree(opened.folder) == tree(half)
    assert list(opened.folder.glob("trials/1/fold-0/attempt-1/last-*.pt"))


def test_large_checkpoints_are_left_out_unless_all_are_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = make_study(tmp_path / "runs/half", done=1)
    monkeypatch.setattr(packing, "SMALL_BYTES", 4)
    packed = pack(half, tmp_path / "half.gz")
    (why, files), *others = packed.left_out.items()
    assert others == []
    assert why.startswith("checkpoints that a resume goes on from")
    assert [(path.rpartition("-")[0], size) for path, size in files] == [
        ("trials/1/fold-0/attempt-1/last-00001", 5)
    ]
    kept = [listed.path for listed in packed.manifest.files if listed.path.startswith("trials")]
    assert [path.split("/")[1] for path in kept] == ["0"], "the best one's weights always go in"
    assert pack(half, tmp_path / "all.gz", everything=True).left_out == {}


def test_what_is_no_part_of_a_study_stays_and_is_told(tmp_path: Path) -> None:
    folder = make_study(tmp_path / "runs/s")
    (folder / "notes.txt").write_text("mine")
    (folder / "best/evil.py").write_text("import os")
    (folder / "report/figures/link.svg").symlink_to("/etc/passwd")
    (folder / "test/far").symlink_to("/etc")
    os.mkfifo(folder / "report/report.md.pipe")
    for own in ("mirror.log", "mirror.lock", "pruned/.lock", ".hidden"):
        (folder / own).write_text("of this machine")
    damaged = checkpoint(folder / "trials/1/fold-0/attempt-1", "best", b"good")
    damaged.write_bytes(b"flip")
    (gone,) = (folder / "trials/0").rglob("*.pt")
    gone.unlink()
    packed = pack(folder, tmp_path / "s.gz")
    assert {why: [path for path, _ in files] for why, files in packed.left_out.items()} == {
        "no part of a study": ["notes.txt", "best/evil.py"],
        "no plain files": ["report/report.md.pipe", "report/figures/link.svg", "test/far"],
        "damaged checkpoints": [damaged.relative_to(folder).as_posix()],
        "named by the ledger, but gone": [gone.relative_to(folder).as_posix()],
    }
    assert not {"mirror.log", "notes.txt", "best/evil.py"} & set(
        tree(unpack(tmp_path / "s.gz", tmp_path / "other").folder)
    )


def test_a_torn_last_line_of_a_killed_study_travels(tmp_path: Path) -> None:
    half = make_study(tmp_path / "runs/half", done=1)
    with (half / "ledger.jsonl").open("ab") as file:
        file.write(b'{"seq":')
    pack(half, tmp_path / "half.gz")
    opened = unpack(tmp_path / "half.gz", tmp_path / "other")
    assert read_entries(opened.folder) == read_entries(half)


# Alone with the study, and the file whole or not at all


@pytest.mark.parametrize("what", ["study", "pruning"])
def test_a_study_that_somebody_works_on_is_refused(tmp_path: Path, what: str) -> None:
    import fcntl

    folder = make_study(tmp_path / "runs/s")
    (folder / "pruned/.lock").touch()
    with (folder / ("ledger.jsonl" if what == "study" else "pruned/.lock")).open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(StudyBusyError, match="a process is at work on it"):
            pack(folder, tmp_path / "s.gz")
    assert not (tmp_path / "s.gz").exists()
    pack(folder, tmp_path / "s.gz")


def test_nobody_goes_on_with_a_study_while_it_is_bundled(tmp_path: Path) -> None:
    folder, n_tried = make_study(tmp_path / "runs/s"), 0

    def go_on(*_: int) -> None:
        nonlocal n_tried
        n_tried += 1
        with pytest.raises(StudyBusyError):
            Ledger(folder)

    pack(folder, tmp_path / "s.gz", progress=go_on)
    assert n_tried > 10
    Ledger(folder).close()


@pytest.mark.parametrize("change", ["longer", "other", "gone"])
def test_a_file_that_changes_meanwhile_ends_it_and_leaves_nothing(tmp_path: Path, change: str) -> None:
    folder = make_study(tmp_path / "runs/s")
    victim = folder / "report/report.md"

    def meddle(done: int, of: int) -> None:
        if done >= of / 2 and victim.exists():
            if change == "gone":
                victim.unlink()
            else:
                victim.write_text("x" * (len("this is report/report.md") + (change == "longer")))

    with pytest.raises(StorageError, match="report.md: (was changed while it was bundled|cannot be read)"):
        pack(folder, tmp_path / "s.gz", progress=meddle)
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


def test_a_file_that_is_there_is_replaced_by_force_alone(good: Path, study: Path, tmp_path: Path) -> None:
    out = tmp_path / "s.gz"
    out.write_text("mine")
    with pytest.raises(InputError, match="is there already; give another name, or --force"):
        pack(study, out)
    assert tree(tmp_path) == {"s.gz": b"mine"}
    pack(study, out, force=True)
    assert tree(tmp_path) == {"s.gz": good.read_bytes()}
    with pytest.raises(FolderError):
        pack(study, tmp_path / "nowhere/s.gz")
