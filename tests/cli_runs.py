"""Run the command line as a user does: in this process (fast), or as a process of its own."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import typer
from bare import bare

from raysearch.cli.main import app, main


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


def raysearch(folder: Path, *arguments: str, drawn: bool = False) -> Result:
    """Carry out one command in ``folder``, as :func:`bare.bare` has it."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    umask = os.umask(0)  # a careless one
    try:
        with (
            contextlib.chdir(folder),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            patch.dict(os.environ),  # a command sets what Ray is to read
            patch.object(sys, "argv", ["raysearch", *arguments]),
            bare(drawn),
        ):
            main()
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        os.umask(umask)
    return Result(code, out.getvalue(), err.getvalue())


def ok(folder: Path, *arguments: str) -> Result:
    """Carry out one command that succeeds without a word of warning."""
    result = raysearch(folder, *arguments)
    assert (result.code, result.err) == (0, "")
    return result


def predicted(folder: Path, *arguments: str) -> Result:
    """Carry out ``predict`` without a word of warning, but that the study was trained on some of the rows."""
    result = raysearch(folder, "predict", *arguments)
    assert result.code == 0, result.err
    assert all("were trained on" in line for line in result.err.splitlines())
    return result


def commands() -> list[list[str]]:
    """All commands of the program, as the words one types."""
    return list(_leaves(typer.main.get_command(app), []))


def _leaves(command: Any, words: list[str]) -> Iterator[list[str]]:
    inner = getattr(command, "commands", {})
    if not inner:
        yield words
    for name, each in inner.items():
        yield from _leaves(each, [*words, name])
