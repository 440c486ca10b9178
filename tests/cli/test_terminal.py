"""On a terminal (a pseudo-terminal of 80 columns): the live table, with Ray; the question about a name."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from cli_runs import raysearch
from toy import PROGRAM, surroundings

COLUMNS = 80


class Terminal:
    """One command on a terminal of its own."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self._side, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
        self._process = subprocess.Popen(
            [sys.executable, *PROGRAM, *arguments],
            cwd=folder,
            stdin=other,
            stdout=other,
            stderr=other,
            start_new_session=True,
            env={**surroundings(folder), "TERM": "xterm", "COLUMNS": str(COLUMNS)},
        )
        os.close(other)
        self._shown = b""

    def wait_for(self, text: str) -> None:
        while text.encode() not in self._shown and self._read():
            pass
        assert text.encode() in self._shown, self._shown.decode()

    def type(self, text: str) -> None:
        os.write(self._side, text.encode())

    def finish(self) -> tuple[int, str]:
        """Exit code and all that was shown, without colours; wherever the cursor jumps, a line ends."""
        while self._read():
            pass
        os.close(self._side)
        plain = re.sub(r"\x1b\[[\d;]*m", "", self._shown.decode())
        return self._process.wait(), re.sub(r"(\x1b\[[\d;?]*[A-Za-z]|\r|\n)+", "\n", plain)

    def _read(self) -> bool:
        try:
            part = os.read(self._side, 65536)
        except OSError:  # all who held the other side are gone
            return False
        self._shown += part
        return bool(part)


@pytest.mark.slow
def test_a_study_on_ray_shows_its_table_and_nothing_of_ray(toy_space: Path, tmp_path: Path) -> None:
    code, shown = Terminal(tmp_path, "tune", "toy.yaml", "--name", "s").finish()
    assert code == 0, shown
    lines = shown.splitlines()
    assert not [line for line in lines if len(line) > COLUMNS], shown
    phases = [
        "checking settings, task and data",
        "starting Ray",
        "starting the first runs",
        "is being written; to wait for it: raysearch wait s",
    ]
    places = [shown.index(phase) for phase in phases]
    assert places == sorted(places)
    table = shown[shown.rindex("s: 8 of 8 trials, done; best: trial") : places[-1]]
    assert re.search(r"trial +state +epoch +val_loss +best +time +settings", table)
    for trial in range(8):
        row = rf"^ *{trial} +finished +\d/4 +[\d.]+ +[\d.]+ +\d+ s +learning_rate=[\d.]+.*$"
        assert re.search(row, table, re.MULTILINE), (trial, table)
    for noise in ("WARNING", "raylet", "(pid", "Traceback", "GCS"):
        assert noise not in shown


def test_a_name_that_is_taken_is_asked_about(toy_space: Path, tmp_path: Path) -> None:
    assert raysearch(tmp_path, "tune", "toy.yaml", "--name", "s", "--local").code == 0
    for answer, code, end in (("n", 2, "give another --name"), ("y", 0, "nothing is left to do")):
        terminal = Terminal(tmp_path, "tune", "toy.yaml", "--name", "s", "--local")
        terminal.wait_for("runs/s exists. Go on with it? [y/N]")
        terminal.type(f"{answer}\n")
        ended, shown = terminal.finish()
        assert ended == code
        assert end in shown.replace("\n", "")
