"""A report that a process of its own writes: what is told of it meanwhile, at its end, and without one."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from cli_runs import Result, raysearch
from toy import TOY_SPACE, TOY_TASK
from waiting import wait_for

from raysearch.cli.terminal import CommandLine
from raysearch.library import report_writer

ON_ORDER = (str(Path(__file__).parent.parent / "written_on_order.py"),)


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """A study whose report was written while nobody waited."""
    folder = tmp_path_factory.mktemp("tuned")
    (folder / "toy.yaml").write_text(TOY_SPACE.format(task=TOY_TASK).replace("trials: 8", "trials: 2"))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(report_writer, "PROGRAM", ON_ORDER)
        result = raysearch(folder, "tune", "toy.yaml", "--name", "s", "--local", "--no-wait")
    (folder / "going-on.json").write_text(json.dumps(status(folder)))
    (folder / "resumed").write_text(raysearch(folder, "resume", "s").out)
    tell(folder, "")
    return folder, result


@pytest.fixture
def folder(tuned: tuple[Path, Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the study without a report; one is written when it is told."""
    shutil.copytree(tuned[0], tmp_path / "w")
    shutil.rmtree(tmp_path / "w/runs/s/report")
    (tmp_path / "w/runs/s/go").unlink()
    monkeypatch.setattr(report_writer, "PROGRAM", ON_ORDER)
    return tmp_path / "w"


def status(folder: Path) -> Any:
    return json.loads(raysearch(folder, "status", "s", "-f", "json").out)["report"]


def tell(folder: Path, reason: str) -> None:
    """Have the writer write, or fail of a reason; wait for its end."""
    (folder / "runs/s/go").write_text(reason)
    wait_for(lambda: report_writer._started[-1].poll() is not None)


def test_the_prompt_is_back_before_the_report_and_says_so(tuned: tuple[Path, Result]) -> None:
    folder, result = tuned
    assert result.code == 0
    assert "writing the report" not in result.err
    assert "report:   runs/s/report/index.html\n          is being written" in result.out
    assert "raysearch wait s" in result.out
    assert json.loads((folder / "going-on.json").read_text()) == "being written"
    assert "nothing is left to do" in (folder / "resumed").read_text()  # and no other report is begun
    waited = raysearch(folder, "wait", "s")
    assert (waited.code, waited.out) == (0, "runs/s/report/index.html\n")
    assert status(folder) == "runs/s/report/index.html"


def test_whoever_waits_is_told_for_what(folder: Path) -> None:
    assert report_writer.write_in_background(folder / "runs/s")
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        (folder / "runs/s/go").write_text("")

    assert report_writer.wait_for_rest(folder / "runs/s", say).is_file()
    assert said == ["waiting for the report"]


def test_why_there_is_no_report_is_told_by_whoever_looks_next(folder: Path) -> None:
    report_writer.write_in_background(folder / "runs/s")
    tell(folder, "no ink")
    again = "make it with: raysearch report s"
    assert status(folder) == f"failed: ValueError: no ink; {again}"
    waited = raysearch(folder, "wait", "s")
    assert waited.code == 73
    assert waited.err == f"raysearch: s: report: failed: ValueError: no ink; {again}\n"
    assert raysearch(folder, "report", "s").code == 0
    assert status(folder) == "runs/s/report/index.html"


def test_a_writer_that_was_killed_leaves_word(folder: Path) -> None:
    report_writer.write_in_background(folder / "runs/s")
    process = report_writer._started[-1]
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert status(folder) == "not there; make it with: raysearch report s"
    assert raysearch(folder, "wait", "s").code == 73


@pytest.mark.parametrize("is_terminal", [True, False])
def test_only_at_a_terminal_nobody_waits(monkeypatch: pytest.MonkeyPatch, is_terminal: bool) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal, raising=False)
    assert CommandLine(waits=None).waits is not is_terminal
    assert [CommandLine(waits=given).waits for given in (True, False)] == [True, False]
