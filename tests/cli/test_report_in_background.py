"""A report that a process of its own writes: what is told of it meanwhile, at its end, and without one."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from cli_runs import Result, raysearch
from toy import TOY_SPACE, TOY_TASK
from waiting import wait_for

from raysearch import files
from raysearch.cli.summary import _where_report
from raysearch.cli.terminal import CommandLine
from raysearch.library import report_writer
from raysearch.tracking import mirror

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


@pytest.fixture(autouse=True)
def delivered(monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow has all: how it gets it has tests of its own."""
    monkeypatch.setattr(mirror, "mirror_now", lambda *_, **__: "")


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


def outdate(folder: Path) -> None:
    """Leave the report as it is where a writer of a new one is killed."""
    page, ledger = folder / "runs/s/report/index.html", folder / "runs/s/ledger.jsonl"
    page.parent.mkdir()
    page.write_text("of before")
    os.utime(page, ns=(0, ledger.stat().st_mtime_ns - 1))


def test_nobody_is_given_a_report_of_before_as_the_last_one(folder: Path) -> None:
    outdate(folder)
    older = "older than the study's last record; make it with: raysearch report s"
    waited = raysearch(folder, "wait", "s")
    assert (waited.code, waited.out) == (73, "")
    assert waited.err == f"raysearch: s: report: {older}\n"
    assert "older than the study's last record" in _where_report(folder / "runs/s").splitlines()[1]


def test_a_report_of_before_is_written_anew_by_a_resume(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outdate(folder)
    monkeypatch.setattr(mirror, "start_mirror", lambda _: None)
    resumed = raysearch(folder, "resume", "s")
    assert (resumed.code, "nothing is left to do" in resumed.out) == (0, True)
    assert "s: writing the report\n" in resumed.err
    assert status(folder) == "runs/s/report/index.html"
    assert "of before" not in (folder / "runs/s/report/index.html").read_text()


def test_whoever_waits_is_told_why_mlflow_has_not_all_of_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirror, "mirror_now", lambda *_, **__: "no network")
    report_writer.write_in_background(folder / "runs/s")
    tell(folder, "")
    waited = raysearch(folder, "wait", "s")
    assert (waited.code, waited.out) == (73, "")
    assert waited.err == "raysearch: s: MLflow does not have all of it: no network\n"


def test_whoever_waits_looks_again_at_what_began_meanwhile(folder: Path) -> None:
    said: list[str] = []
    with (folder / "runs/s/mirror.lock").open("w") as file:
        files.lock(file)

        def say(text: str) -> None:
            said.append(text)
            if len(said) == 1:
                assert report_writer.write_in_background(folder / "runs/s")
                file.close()
            (folder / "runs/s/go").write_text("")

        assert report_writer.wait_for_rest(folder / "runs/s", say).read_text() == "a report"
    assert said == ["waiting for its mirror to MLflow", "waiting for the report"]


def test_a_report_is_seen_to_be_written_while_its_writer_still_imports(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    states: list[str | None] = []

    class Build(ModuleType):
        def __getattr__(self, name: str) -> object:
            states.append(report_writer.report_state(folder / "runs/s"))
            return lambda of: of / report_writer.PAGE

    monkeypatch.setitem(sys.modules, "raysearch.report.build", Build("raysearch.report.build"))
    report_writer.write_report(folder / "runs/s")
    assert states[-1] == "being written"


def test_a_writer_leaves_no_word_of_an_earlier_one_that_failed(folder: Path) -> None:
    report_writer.write_in_background(folder / "runs/s")
    (folder / "runs/s/report.log").write_text("no ink")  # of one that was at it still, and had the lock
    tell(folder, "")
    assert report_writer.report_state(folder / "runs/s") == str(folder / "runs/s/report/index.html")


def test_where_no_process_can_be_started_the_report_is_left_to_the_caller(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", fail)
    assert report_writer.write_in_background(folder / "runs/s") is False
    assert not files.is_locked(folder / "runs/s/report.lock")


@pytest.mark.parametrize("is_terminal", [True, False])
def test_only_at_a_terminal_nobody_waits(monkeypatch: pytest.MonkeyPatch, is_terminal: bool) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal, raising=False)
    monkeypatch.setattr(os, "getppid", lambda: 4711)
    assert CommandLine(waits=None).waits is not is_terminal
    assert [CommandLine(waits=given).waits for given in (True, False)] == [True, False]


@pytest.mark.parametrize("ask", ["getpid", "getppid"])
def test_in_a_container_which_ends_with_its_first_process_the_report_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, ask: str
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(os, "getppid", lambda: 4711)
    monkeypatch.setattr(os, ask, lambda: 1)
    assert CommandLine(waits=None).waits
