"""What a user can set of an agreement stands in docs/agreement.md, with what it does."""

from __future__ import annotations

from pathlib import Path

import pytest

from raysearch.agreement.make import AGREEMENTS, ALGORITHMS, settings_of
from raysearch.recipes import names_of
from raysearch.training.large_batch import LargeBatch

PAGE = (Path(__file__).parents[2] / "docs/agreement.md").read_text(encoding="utf-8")
FIRST_CELLS = "\n".join(line.split("|")[1] for line in PAGE.splitlines() if line.startswith("|"))


@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_setting_has_a_row(name: str) -> None:
    assert [each for each in settings_of(name) if f"`{each}`" not in FIRST_CELLS] == []


@pytest.mark.parametrize("name", [*AGREEMENTS, *names_of(LargeBatch)])
def test_every_agreement_and_setting_of_large_batches_has_one(name: str) -> None:
    assert f"`{name}`" in FIRST_CELLS
