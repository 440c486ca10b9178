"""Checks of `raysearch doctor` are carried out at once; one that hangs or raises keeps no other one back."""

from __future__ import annotations

import threading

from raysearch.doctor.examine import examine, exit_code
from raysearch.doctor.findings import Finding, fault, ok, warning
from raysearch.errors import FolderError


def test_a_hanging_check_is_told_and_keeps_no_other_one_waiting() -> None:
    release = threading.Event()

    def hang() -> list[Finding]:
        release.wait()
        return []

    found = list(
        examine({"a": lambda: [ok("a", "well")], "hangs": hang, "b": lambda: [ok("b", "well")]}, 1.0)
    )
    assert not release.is_set(), "nobody waited for it"
    release.set()
    assert [(each.name, each.level) for each in found] == [("a", "ok"), ("hangs", "fault"), ("b", "ok")]
    assert "no answer within 1 s" in found[1].found


def test_a_check_that_raises_is_a_fault_of_its_own() -> None:
    def folder() -> list[Finding]:
        raise FolderError("no\nroom")

    def broken() -> list[Finding]:
        raise KeyError("x")

    found = list(examine({"folder": folder, "broken": broken, "c": lambda: [ok("c", "well")]}))
    assert [(each.found, each.exit_code) for each in found] == [
        ("no room", 73),
        ("cannot be looked at: KeyError: 'x'", 69),
        ("well", 0),
    ]


def test_the_heaviest_fault_decides_the_exit_code() -> None:
    assert exit_code([ok("a", ""), warning("b", "", "")]) == 0
    assert exit_code([fault("a", "", "", 74), fault("b", "", ""), fault("c", "", "", 73)]) == 74
