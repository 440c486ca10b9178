"""Whatever is wrong with a file, it is told as a fault of the file: changed bytes and values in valid ones.

``RAYSEARCH_FUZZ=100000 pytest tests/test_fuzz.py`` tries more of them, and others each time.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from toy import TOY_SPACE, TOY_TASK, create_ledger, finished, opened

from raysearch.errors import RaysearchError
from raysearch.ledger.history import History
from raysearch.ledger.ledger import FILE_NAME, read_entries
from raysearch.machines.check_file import check_cluster_file
from raysearch.machines.cluster_files import AwsMachines, LocalMachines, aws_file, local_file
from raysearch.space.space_file import read_space_file
from raysearch.study.bundle import pack
from raysearch.study.study import Study
from raysearch.study.unbundle import unpack

WISH = os.environ.get("RAYSEARCH_FUZZ")
fuzz = settings(
    max_examples=int(WISH or 30), derandomize=WISH is None, deadline=None, database=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
TOKENS = [
    b"&a ", b"*a", b"!!python/object/apply:os.system [x]", b"!!binary x", b"null", b"[]", b"{}", b"{[",
    b"1e999", b".nan", b"-1", b"0", b"true", b"\x00", b"\xff", b"\xf0\x9f\x98\x80", b"? ", b"<<: ",
    b"2026-11-22", b"1_000", b"0o7", b": ", b"- ", b"\n", b"\t", b"'", b'"', b"|", b"../", b"/etc/passwd",
    b"9" * 400, b"[" * 3000,
]  # fmt: skip
VALUES: list[Any] = [
    None,
    True,
    -1,
    0,
    10**9,
    1e308,
    "",
    "../x",
    "finished",
    [],
    {},
    [1],
    {"a": 1},
    {"trial": {}},
]
EDITS = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 40), st.one_of(st.sampled_from(TOKENS), st.binary(max_size=8))),
    min_size=1,
    max_size=4,
)
Edits = list[tuple[float, int, bytes]]


def edited(content: bytes, edits: Edits) -> bytes:
    """Put bytes in the place of some others, at shares of the length."""
    for share, n_bytes, new in edits:
        place = int(share * len(content))
        content = content[:place] + new + content[place + n_bytes :]
    return content


@contextmanager
def untouched() -> Iterator[Path]:
    """A folder of its own, two below one where nothing else may appear; errors raised on purpose pass."""
    with tempfile.TemporaryDirectory() as outer:
        inside = Path(outer) / "a" / "b"
        inside.mkdir(parents=True)
        with suppress(RaysearchError):
            yield inside
        assert [path.name for path in Path(outer).iterdir()] == ["a"]
        assert [path.name for path in (Path(outer) / "a").iterdir()] == ["b"]


@fuzz
@given(edits=EDITS)
def test_space_files(edits: Edits) -> None:
    with untouched() as folder:
        (folder / "space.yaml").write_bytes(edited(TOY_SPACE.format(task=TOY_TASK).encode(), edits))
        space_file = read_space_file(folder / "space.yaml")
        assert space_file.identity
        assert space_file.searched.domains


@pytest.mark.parametrize("kind", ["local", "aws"])
@fuzz
@given(edits=EDITS)
def test_cluster_files(kind: str, edits: Edits) -> None:
    text = local_file(LocalMachines(head="10.1.0.1", workers=("10.1.0.2",), user="anna"))
    if kind == "aws":
        text = aws_file(
            AwsMachines(
                region="eu-central-1",
                cidr="10.9.8.7/32",
                group="sg-0",
                profile="p",
                image="ami-0",
                storage="fs-0",
            )
        )
    with untouched() as folder:
        (folder / "cluster.yaml").write_bytes(edited(text.encode(), edits))
        check_cluster_file(folder / "cluster.yaml")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of three trials, to be left as it is."""
    folder = tmp_path_factory.mktemp("fuzz") / "s"
    with create_ledger(folder, trials=3) as ledger:
        driven = Study(ledger, lambda *_: None)
        driven.begin(opened())
        while run := driven.next_run():
            driven.started(run)
            driven.report(run, 1, 0.1, {"val_loss": 0.5})
            driven.end(finished(run, 0.5))
        driven.close("finished")
    (folder / "space.yaml").write_text("task: toy\n")
    return folder


def look(folder: Path) -> None:
    """Read a ledger as every command does."""
    history = History(read_entries(folder))
    assert history.created.kind == "created"


@fuzz
@given(edits=EDITS)
def test_ledgers(study: Path, edits: Edits) -> None:
    with untouched() as folder:
        (folder / FILE_NAME).write_bytes(edited((study / FILE_NAME).read_bytes(), edits))
        look(folder)


def forged(line: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    """A line of a ledger with another content and a checksum that holds."""
    content = json.loads(line)
    del content["crc"]
    change(content)
    body = json.dumps(content, separators=(",", ":")).encode()[:-1]
    return body + f',"crc":"{zlib.crc32(body):08x}"}}\n'.encode()


@fuzz
@given(share=st.floats(0, 0.999), field=st.integers(0, 30), value=st.sampled_from(VALUES))
def test_ledgers_that_somebody_wrote(study: Path, share: float, field: int, value: Any) -> None:
    lines = (study / FILE_NAME).read_bytes().splitlines(keepends=True)
    place = int(share * len(lines))

    def change(content: dict[str, Any]) -> None:
        content[sorted(content)[field % len(content)]] = value

    lines[place] = forged(lines[place], change)
    with untouched() as folder:
        (folder / FILE_NAME).write_bytes(b"".join(lines))
        look(folder)


@pytest.mark.parametrize("is_packed", [True, False])
@fuzz
@given(edits=EDITS)
@example(edits=[(0.3, 7, b"../")])
def test_bundles(study: Path, is_packed: bool, edits: Edits) -> None:
    """With changed bytes, and with changed bytes of what is packed in them."""
    with untouched() as folder:
        bundle = folder / "s.gz"
        if not (packed := study.parent / "s.gz").exists():
            pack(study, packed)
        content = packed.read_bytes()
        bundle.write_bytes(
            edited(content, edits) if is_packed else gzip.compress(edited(gzip.decompress(content), edits), 1)
        )
        (folder / "runs").mkdir()
        try:
            unpack(bundle, folder / "runs")
        finally:
            assert [path.name for path in (folder / "runs").iterdir()] in ([], ["s"])


HDF5 = """
import sys
from contextlib import suppress
from pathlib import Path
from raysearch.data.hdf5_gate import open_hdf5
from raysearch.errors import RaysearchError

for path in map(Path, sys.argv[1:]):
    with suppress(RaysearchError):
        open_hdf5(path).close()
    print("looked at", path.name, flush=True)
"""


def test_hdf5_files(tmp_path: Path) -> None:
    """In a process of its own, for HDF5 is C."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "good.h5", "w") as file:
        file.create_dataset(
            "jets", data=[[1.0, 2.0]] * 50, compression="gzip", fletcher32=True, chunks=(10, 2)
        )
        file["group/names"] = ["a", "b"]
    content = (tmp_path / "good.h5").read_bytes()
    chance = random.Random(None if WISH else 1)
    folder = tmp_path / "bad"
    folder.mkdir()
    for number in range(int(WISH or 200)):
        edits = [
            (chance.random(), n_bytes := chance.choice((1, 1, 2, 8)), chance.randbytes(n_bytes))
            for _ in range(chance.randint(1, 3))
        ]
        (folder / f"{number}.h5").write_bytes(edited(content, edits))
    files = sorted(map(str, folder.iterdir()))
    done = subprocess.run([sys.executable, "-c", HDF5, *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-100:]
    assert done.stdout.count("looked at") == len(files)
    shutil.rmtree(folder)
