"""Ctrl-C, SIGTERM and the end of the terminal in every phase: said at once, saved, with an exit code."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import subprocess
import termios
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest
from toy import start

from raysearch.ledger.ledger import read_entries
from raysearch.ledger.run_records import Epoch
from raysearch.ledger.study_records import Closed

LONG_S = 600  # far beyond any wait: whatever comes earlier did not wait for it

# Stalls where a file of that name lies beside it, and says that it does.
TASK = """\
import time
from pathlib import Path
from toy_task import Toy

HERE = Path({here!r})


def stall(where):
    if (HERE / where).exists():
        (HERE / where).rename(HERE / (where + "-stalls"))
        time.sleep({long_s})


class Own(Toy):
    def inspect(self, source, settings):
        stall("checks")
        return super().inspect(source, settings)

    def loss(self, model, batch):
        if list(HERE.glob("runs/*/ledger.jsonl")):
            stall("epoch")
        return super().loss(model, batch)

    def metrics(self, outputs, data):
        if len(list(HERE.glob("runs/s/trials/1/*/*/*.pt"))) == 1 and (HERE / "over").exists():
            stall("test")
        if "trials/1" in str(list(HERE.glob("runs/s/trials/1"))):
            (HERE / "over").touch()
        return super().metrics(outputs, data)
"""


@pytest.fixture
def folder(toy_space: Path, tmp_path: Path) -> Path:
    (tmp_path / "own_task.py").write_text(TASK.format(here=str(tmp_path), long_s=LONG_S))
    text = toy_space.read_text()
    own = text.replace(text.splitlines()[0], "task: own_task.py:Own")
    toy_space.write_text(own.replace("trials: 8", "trials: 2"))
    return tmp_path


def stalled(folder: Path, where: str, **options: object) -> subprocess.Popen[str]:
    """Start a study and wait until it hangs in a phase."""
    (folder / where).touch()
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    process = start(folder, "tune", "toy.yaml", "--name", "s", "--local", "--keep", "all",
                    env=environment, **options)  # fmt: skip
    wait_until((folder / f"{where}-stalls").exists, process)
    return process


def wait_until(holds: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait for progress, as long as there can be any."""
    while not holds():
        assert process.poll() is None, process.stdout and process.stdout.read()
        time.sleep(0.01)


def read_until(output: IO[str], words: str) -> str:
    """Read lines up to one with these words."""
    text = ""
    while words not in text:
        line = output.readline()
        assert line, f"ended without {words!r}: {text}"
        text += line
    return text


def closed(folder: Path) -> Closed:
    record = read_entries(folder / "runs/s")[-1].record
    assert isinstance(record, Closed)
    return record


def test_ctrl_c_says_at_once_what_it_waits_for_and_a_second_one_ends_it(folder: Path) -> None:
    process = stalled(folder, "epoch")
    assert process.stdout
    process.send_signal(signal.SIGINT)
    read_until(process.stdout, "stopping: waiting for the epoch of trial 0; Ctrl-C again to stop at once")
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    rest = process.stdout.read()
    assert process.wait() == 130
    assert "stopped at once; everything is saved; go on with: raysearch resume s" in rest
    assert closed(folder) == Closed(reason="stopped", signal="SIGINT")
    records = [entry.record for entry in read_entries(folder / "runs/s")]
    assert not any(isinstance(record, Epoch) for record in records), "it did not wait for the epoch"


@pytest.mark.parametrize("where", ["checks", "test"])
def test_what_can_be_done_again_is_broken_off(folder: Path, where: str) -> None:
    process = stalled(folder, where)
    assert process.stdout
    process.send_signal(signal.SIGTERM)
    text = process.stdout.read()
    assert process.wait() == 143, text
    if where == "checks":
        assert "raysearch: stopped during the checks; nothing has begun\n" in text
        assert not (folder / "runs/s").exists()
    else:
        assert "raysearch: stopped, everything is saved; go on with: raysearch resume s\n" in text
        assert closed(folder) == Closed(reason="stopped", signal="SIGTERM")


def test_the_end_of_the_terminal_is_a_stop_whose_words_are_in_a_log(folder: Path) -> None:
    ours, terminal = pty.openpty()
    process = stalled(
        folder, "epoch", stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )  # fmt: skip
    os.close(terminal)
    os.close(ours)  # the terminal is gone
    log = folder / "runs/s/hangup.log"
    wait_until(lambda: log.exists() and "a second signal to stop at once" in log.read_text(), process)
    assert "stopping: waiting for the epoch of trial 0" in log.read_text()
    process.send_signal(signal.SIGHUP)  # what a shell passes on: the same end of the same terminal
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 143
    assert "everything is saved; go on with: raysearch resume s" in log.read_text()
    assert closed(folder).signal == "SIGTERM"


def test_sighup_alone_ends_with_129_after_the_epoch(folder: Path) -> None:
    task = folder / "own_task.py"
    until_on = "\n        while not (HERE / 'on').exists():\n            time.sleep(0.01)"
    task.write_text(task.read_text().replace(f"time.sleep({LONG_S})", until_on))
    process = stalled(folder, "epoch")
    assert process.stdout
    process.send_signal(signal.SIGHUP)
    read_until(process.stdout, "stopping: waiting for the epoch of trial 0")
    (folder / "on").touch()
    assert "stopped, everything is saved; go on with: raysearch resume s" in process.stdout.read()
    assert process.wait() == 129
    assert closed(folder) == Closed(reason="stopped", signal="SIGHUP")


def test_nohup_is_respected(folder: Path) -> None:
    task = folder / "own_task.py"
    hang_up = "\n        import os, signal\n        os.kill(os.getpid(), signal.SIGHUP)"
    task.write_text(task.read_text().replace(f"time.sleep({LONG_S})", hang_up))
    process = stalled(folder, "epoch", preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    assert process.stdout
    text = process.stdout.read()
    assert process.wait() == 0, text
    assert closed(folder) == Closed(reason="finished")
