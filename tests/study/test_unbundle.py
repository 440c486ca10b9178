"""What no one may send: hostile, damaged and cut bundles, and files that are none."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bundled_studies import change_record, make_series, make_study, tree
from toy import toy_space_file

from raysearch.errors import InputError, RaysearchError, StorageError
from raysearch.study.bundle import pack
from raysearch.study.unbundle import unpack

Member = tuple[tarfile.TarInfo, bytes]
Change = Callable[[dict[str, Any], list[Member]], list[Member]]


def refused(file: Path, runs: Path, error: type[RaysearchError], message: str) -> None:
    with pytest.raises(error, match=message):
        unpack(file, runs)
    assert not runs.exists() or list(runs.iterdir()) == [], "nothing may be left"


@pytest.mark.parametrize("there", ["study", "folder", "file", "dangling link"])
def test_a_name_that_is_taken_is_not_touched(good: Path, tmp_path: Path, there: str) -> None:
    taken = tmp_path / "runs/s"
    taken.parent.mkdir()
    if there == "study":
        make_study(taken)
    elif there == "folder":
        taken.mkdir()
    elif there == "file":
        taken.touch()
    else:
        taken.symlink_to("nowhere")
    before = tree(tmp_path)
    with pytest.raises(InputError, match="runs/s: is there already; give another folder of studies"):
        unpack(good, tmp_path / "runs")
    assert tree(tmp_path) == before


def forge(good: Path, out: Path, change: Change) -> Path:
    """Write a bundle again after a change of its manifest and of the members behind it."""
    with tarfile.open(good) as tar:
        contents = [(member, tar.extractfile(member)) for member in tar]
        first, *members = [(member, file.read()) for member, file in contents if file is not None]
    manifest = json.loads(first[1])
    members = change(manifest, members)
    raw = json.dumps(manifest).encode()
    with gzip.open(out, "wb") as stream:
        for info, content in [(member("bundle.json", raw)), *members]:
            stream.write(info.tobuf(tarfile.USTAR_FORMAT, "utf-8", "strict"))
            stream.write(content + bytes(-len(content) % 512))
        stream.write(bytes(1024))
    return out


def member(name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = "") -> Member:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = len(content), kind, link
    return info, content


def listed(path: str, content: bytes = b"") -> dict[str, Any]:
    return {"path": path, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def with_file(path: str, content: bytes = b"hi") -> Change:
    """One file more, rightly listed."""

    def change(manifest: dict[str, Any], members: list[Member]) -> list[Member]:
        manifest["files"].append(listed(path, content))
        return [*members, member(f"s/{path}", content)]

    return change


def with_member(info: Member) -> Change:
    """One member in the place of the last, which the manifest names."""
    return lambda manifest, members: [*members[:-1], info]


def with_manifest(**changes: Any) -> Change:
    def change(manifest: dict[str, Any], members: list[Member]) -> list[Member]:
        manifest.update(changes)
        return members

    return change


def with_content(path: str, edit: Callable[[bytes], bytes]) -> Change:
    """A file changed, and listed as it is now."""

    def change(manifest: dict[str, Any], members: list[Member]) -> list[Member]:
        place = [info.name for info, _ in members].index(f"s/{path}")
        content = edit(members[place][1])
        manifest["files"][place] = listed(path, content)
        members[place] = member(f"s/{path}", content)
        return members

    return change


def with_ledger(kind: str, **fields: Any) -> Change:
    return with_content("ledger.jsonl", lambda content: change_record(content, kind, **fields))


def sized(size: int) -> Change:
    def change(manifest: dict[str, Any], members: list[Member]) -> list[Member]:
        manifest["files"][-1]["size"] = size
        return members

    return change


def bomb(manifest: dict[str, Any], members: list[Member]) -> list[Member]:
    """The last member is a gigabyte where its manifest names a few bytes."""
    info, _ = members[-1]
    info.size = 1 << 30
    return [*members[:-1], (info, b"")]


def other_name(_: dict[str, Any], members: list[Member]) -> list[Member]:
    members[-1][0].name = "../../evil"
    return members


def renamed(manifest: dict[str, Any], members: list[Member]) -> list[Member]:
    """A folder above that of the studies, named everywhere alike."""
    manifest.update(name="../s", studies=["../s"])
    for info, _ in members:
        info.name = f"../{info.name}"
    return members


def twice(manifest: dict[str, Any], members: list[Member]) -> list[Member]:
    manifest["files"].append(manifest["files"][-1])
    return [*members, members[-1]]


NEW_SPACE = {"task": "toy", "space": {}, "search": {"trials": 1}, "budget": {"epochs": 1}, "extra": 1}
ENDLESS = toy_space_file(200_000, trials=3, options={}).model_dump(mode="json")
LAST = "s/trials/0/fold-0/attempt-1/best-00001-"
HOSTILE: dict[str, tuple[Change, str]] = {
    "up": (with_file("../evil"), r"'\.\./evil' is no file of a study"),
    "up inside": (with_file("best/../../evil"), "is no file of a study"),
    "absolute": (with_file("/tmp/evil"), "is no file of a study"),
    "code": (with_file("best/evil.py"), "is no file of a study"),
    "hidden": (with_file(".ssh/authorized_keys"), "is no file of a study"),
    "line end": (with_file("space.yaml\n"), "is no file of a study"),
    "nul": (with_file("space.yaml\0"), "is no file of a study"),
    "name up": (renamed, "study name '../s'"),
    "name of a folder above": (with_manifest(name=".."), "study name '..'"),
    "symbolic link": (
        with_member(member(LAST, kind=tarfile.SYMTYPE, link="/etc/passwd")), "is a symbolic link"
    ),
    "hard link": (with_member(member(LAST, kind=tarfile.LNKTYPE, link="s/space.yaml")), "is a hard link"),
    "device": (with_member(member(LAST, kind=tarfile.CHRTYPE)), "is a device"),
    "pipe": (with_member(member(LAST, kind=tarfile.FIFOTYPE)), "is a pipe"),
    "folder": (with_member(member("s/trials", kind=tarfile.DIRTYPE)), "is a folder"),
    "extended header": (
        with_member(member("s/x", b"12 path=/x\n", kind=tarfile.XHDTYPE)), "is no plain file"
    ),
    "long name": (
        with_member(member("././@LongLink", b"/x", kind=tarfile.GNUTYPE_LONGNAME)), "is no plain file"
    ),
    "another member": (
        with_member(member("../../evil", b"hi")), r"'\.\./\.\./evil' of 2 bytes, where its manifest has"
    ),
    "another name": (other_name, r"member '\.\./\.\./evil' of \d+ bytes, where its manifest has"),
    "one more": (
        lambda _, members: [*members, member("s/x", b"x")], "member 's/x' is none that its manifest names"
    ),
    "one too few": (lambda _, members: members[:-1], "is named by its manifest and missing"),
    "another order": (lambda _, members: members[::-1], "where its manifest has"),
    "twice": (twice, "names a file twice"),
    "twice, listed once": (lambda _, members: [*members, members[-1]], "is none that its manifest names"),
    "bomb": (bomb, "of 1073741824 bytes, where its manifest has"),
    "smaller than it is": (sized(3), "where its manifest has"),
    "negative": (sized(-1), r"its manifest is wrong at files\.\d+\.size"),
    "newer": (
        with_manifest(format=2, files="otherwise"), "format 2, of raysearch '0.*'; this one reads up to 1"
    ),
    "unknown key": (with_manifest(more=1), "its manifest is wrong at more"),
    "no files": (with_manifest(files=[]), "are not those whose ledgers it holds"),
    "nothing": (with_manifest(files=[], studies=[]), "it holds no ledger"),
    "other studies": (with_manifest(studies=["t"]), "are not those whose ledgers it holds"),
    "weights that are none": (with_ledger("ended", weights="report/x.pt"), "has weights in 'report/x.pt'"),
    "predictions that are none": (
        with_ledger("tested", predictions="space.yaml"), "has predictions in 'space.yaml'"
    ),
    "names a terminal obeys": (with_ledger("created", study="\33[2J"), "calls it "),
    "another space": (with_ledger("created", space_file=NEW_SPACE), "not written by raysearch"),
    "other runs": (with_ledger("created", folds=2), "has 2 runs a trial, its space file 1"),
    "endless runs": (with_ledger("created", folds=200_000, space_file=ENDLESS), "has 200000 runs a trial"),
    "no beginning": (with_content("ledger.jsonl", lambda _: b""), "not written by raysearch"),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_what_no_bundle_may_hold_is_refused(good: Path, tmp_path: Path, case: str) -> None:
    change, message = HOSTILE[case]
    refused(forge(good, tmp_path / "evil.gz", change), tmp_path / "in/runs", InputError, message)
    assert [path.name for path in tmp_path.iterdir() if path.name != "in"] == ["evil.gz"]
    assert [path.name for path in (tmp_path / "in").glob("*")] in ([], ["runs"])


DAMAGED: dict[str, tuple[Change, str]] = {
    "other content": (
        lambda _, members: [(info, content.replace(b"this", b"That")) for info, content in members],
        "the SHA-256 differs, in 's/best/model.json'",
    ),
    "no space": (with_ledger("created", space_file=[1]), "'created' is not one this version knows"),
    "trials that were not asked": (with_ledger("ended", trial=10**9), "does not follow from those before it"),
    "weights outside": (
        with_ledger("ended", weights="../../../secret.pt"),
        "names the file '../../../secret.pt', which is not in the study's folder",
    ),
    "predictions outside": (with_ledger("tested", predictions="/etc/passwd"), "names the file '/etc/passwd'"),
    "more than the disk holds": (sized(1 << 60), "more than is free there"),
    "a byte of the ledger": (
        with_content("ledger.jsonl", lambda content: content.replace(b"learning_rate", b"learning_rat3", 1)),
        "ledger.jsonl: damaged at byte 0",
    ),
    "a record left out": (
        with_content("ledger.jsonl", lambda content: b"".join(content.splitlines(keepends=True)[::2])),
        "record 2 at byte .* where 1 was expected",
    ),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_what_is_damaged_is_told_as_such(good: Path, tmp_path: Path, case: str) -> None:
    change, message = DAMAGED[case]
    refused(forge(good, tmp_path / "bad.gz", change), tmp_path / "runs", StorageError, message)


def test_a_series_file_that_grows_without_end_is_refused(tmp_path: Path) -> None:
    pack(make_series(tmp_path / "s", ("a",)), tmp_path / "s.gz")
    lines = [
        "l0: &l0 [x, x]",
        *(f"l{n}: &l{n} [*l{n - 1}, *l{n - 1}]" for n in range(1, 40)),
        "members: *l39",
    ]
    bad = with_content("series.yaml", lambda _: "\n".join(lines).encode())
    refused(
        forge(tmp_path / "s.gz", tmp_path / "bad", bad), tmp_path / "r", InputError, "anchors and aliases"
    )
    strange = with_content("series.yaml", lambda content: content.replace(b"  a:", b"  b:"))
    refused(
        forge(tmp_path / "s.gz", tmp_path / "bad", strange), tmp_path / "r", InputError, "s/a is no member"
    )


def test_every_cut_is_told(good: Path, tmp_path: Path) -> None:
    content, cut = good.read_bytes(), tmp_path / "cut.gz"
    for length in [*range(2, len(content), 97), *range(len(content) - 30, len(content))]:
        cut.write_bytes(content[:length])
        refused(cut, tmp_path / "runs", StorageError, "cut.gz: cut off in .*; copy it again")


def test_every_flipped_bit_is_told_or_does_nothing(good: Path, study: Path, tmp_path: Path) -> None:
    content, flipped = good.read_bytes(), tmp_path / "flip.gz"
    harmless = set()
    for place in [*range(40), *range(40, len(content), 61), *range(len(content) - 8, len(content))]:
        flipped.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
        runs = tmp_path / f"runs-{place}"
        try:
            opened = unpack(flipped, runs)
        except RaysearchError:
            assert not list(runs.glob("*"))
            continue
        assert tree(opened.folder) == tree(study)
        assert gzip.decompress(flipped.read_bytes()) == gzip.decompress(content)  # two codes of one thing
        harmless.add(place)
    assert len(harmless) < 10, "little but gzip's own time and system"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no bundle of raysearch .it is not compressed"),
        (b"PK\3\4 a zip", "no bundle of raysearch .it is not compressed"),
        (gzip.compress(b"a text " * 200, mtime=0), "damaged in its first member"),
        (gzip.compress(bytes(10240), mtime=0), "no bundle of raysearch, which begins with bundle.json"),
    ],
)
def test_other_files_are_no_bundles(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "f").write_bytes(content)
    refused(tmp_path / "f", tmp_path / "runs", RaysearchError, message)  # type: ignore[type-abstract]
    refused(tmp_path / "nowhere", tmp_path / "runs", InputError, "nowhere: no such file")


def test_another_tar_is_no_bundle(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "f", "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("runs/s/ledger.jsonl"), io.BytesIO())
    refused(tmp_path / "f", tmp_path / "runs", InputError, "no bundle of raysearch")


@pytest.mark.parametrize("more", [b"x", bytes(1 << 20), gzip.compress(b"x" * 600, mtime=0)])
def test_what_stands_behind_the_end_is_refused(good: Path, tmp_path: Path, more: bytes) -> None:
    if more[:1] in {b"x", b"\0"}:
        more = gzip.compress(more)
    (tmp_path / "f").write_bytes(good.read_bytes() + more)
    refused(tmp_path / "f", tmp_path / "runs", InputError, "it goes on behind its end")


def test_half_an_end_is_a_cut(good: Path, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(gzip.compress(gzip.decompress(good.read_bytes())[:-512]))
    refused(tmp_path / "f", tmp_path / "runs", StorageError, "cut off in its end")


def test_a_manifest_without_end_is_not_read(tmp_path: Path) -> None:
    info, _ = member("bundle.json")
    info.size = 1 << 33 - 1
    header = info.tobuf(tarfile.GNU_FORMAT, "utf-8", "strict")
    (tmp_path / "f").write_bytes(gzip.compress(header + bytes(2048)))
    refused(tmp_path / "f", tmp_path / "runs", InputError, f"its manifest has {info.size} bytes")
