"""Digits as a kind of data, see raysearch/data/kinds.py; readers are loaded when they are needed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from raysearch.data.digits.summary import DigitSummary

if TYPE_CHECKING:
    from raysearch.data.kinds import Events
    from raysearch.data.paths import DataPath


def files(path: DataPath) -> list[Path]:
    """List the files at a path."""
    from raysearch.data.digits.files import digit_files

    return digit_files(path)


def check(path: DataPath) -> DigitSummary:
    """Read every value."""
    from raysearch.data.digits.files import check_digits

    return check_digits(path)


def events(path: DataPath) -> Events:
    """Give every digit a number, and its file's place."""
    from raysearch.data.digits.files import digit_events, load_digits

    return digit_events(*load_digits(path))
