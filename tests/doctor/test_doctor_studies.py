"""What `raysearch doctor` says of ledgers and of who holds them."""

from __future__ import annotations

import os
from pathlib import Path

from found import make_study

from raysearch.doctor import studies
from raysearch.ledger.ledger import FILE_NAME


def test_ledgers_and_who_holds_them(tmp_path: Path) -> None:
    assert [each.level for each in studies.ledgers(tmp_path / "none")] == ["ok", "ok"]
    make_study(tmp_path / "free").close()
    with make_study(tmp_path / "busy"):
        whole, locks = studies.ledgers(tmp_path)
    assert whole.found.startswith(f"2 of 2 studies under {tmp_path} verified")
    assert locks.found.startswith(f"at work on busy by process {os.getpid()} on here since 2")


def test_a_flipped_bit_of_a_ledger_is_found(tmp_path: Path) -> None:
    make_study(tmp_path / "good").close()
    make_study(tmp_path / "bad").close()
    path = tmp_path / "bad" / FILE_NAME
    content = bytearray(path.read_bytes())
    content[20] ^= 8
    path.write_bytes(content)
    broken, counted, _ = studies.ledgers(tmp_path)
    assert (broken.level, broken.exit_code, counted.level) == ("fault", 74, "ok")
    assert f"{path}: damaged at byte 0" in broken.found
    assert path.read_bytes() == content


def test_ledgers_that_take_too_long_are_left_out(tmp_path: Path) -> None:
    make_study(tmp_path / "a").close()
    found = next(iter(studies.ledgers(tmp_path, limit_s=-1.0)))
    assert (found.level, "0 of 1" in found.found) == ("warning", True)
