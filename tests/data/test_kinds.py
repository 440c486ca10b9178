"""A new kind of data is its folder and one line: the commands know no kind by name."""

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import numpy as np
import pytest
from typer import Typer
from typer.testing import CliRunner

from raysearch.cli import data as commands
from raysearch.data.kinds import KINDS, DataKind
from raysearch.data.summary import FileSummary


@dataclasses.dataclass(frozen=True)
class HitSummary(FileSummary):
    layers: int

    def facts(self):
        return {"layers": self.layers}


def made_hits(
    out: Annotated[Path, "Folder."],
    hits: Annotated[int, "How many."] = 5,
    with_noise: Annotated[bool, "Noise too."] = False,
    *,
    progress,
):
    """Make hits."""
    out.mkdir()
    (out / "hits.txt").write_text(f"{hits} {with_noise}")
    progress(hits, hits)
    return [out / "hits.txt"]


HITS = DataKind(
    "hit", HitSummary,
    files=lambda path: [path],
    check=lambda path: HitSummary((path,), {path.name: "0"}, 30, False, layers=4),
    events=lambda path: (None, np.zeros(30, int)),
    make=made_hits,
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_finds_checks_and_parts_its_sample(kind):
    files, found = KINDS[kind].files(None), KINDS[kind].check(None)
    assert found.files == tuple(files)
    assert set(found.sha256) == {file.name for file in files}
    assert type(found) is KINDS[kind].summary
    events, file_index = KINDS[kind].events(None)
    assert len(file_index) == found.n
    assert (events is not None) is (found.has_events or KINDS[kind].always_by_event)


def test_a_new_kind_needs_no_change_of_the_commands(tmp_path, monkeypatch):
    monkeypatch.setitem(KINDS, "hits", HITS)
    run = CliRunner()
    found = run.invoke(commands.app, ["check", str(tmp_path), "--kind", "hits"], catch_exceptions=False)
    assert found.stdout == "ok: 30 hits in 1 file(s), no fault found\n"
    found = run.invoke(
        commands.app, ["info", str(tmp_path), "-k", "hits", "-f", "json"], catch_exceptions=False
    )
    assert '"layers": 4' in found.stdout
    assert '"training": 18' in found.stdout
    app = Typer()
    app.command()(commands._maker(HITS, made_hits))
    found = run.invoke(
        app, ["--out", str(tmp_path / "o"), "--hits", "7", "--with-noise"], catch_exceptions=False
    )
    assert found.stdout.startswith("made 7 hits in 1 file(s) in")
    assert (tmp_path / "o" / "hits.txt").read_text() == "7 True"


def test_the_table_is_light_so_that_help_is_quick():
    code = (
        "import raysearch.data.kinds, sys; print([n for n in ('numpy', 'h5py', 'torch') if n in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
