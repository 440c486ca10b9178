"""How reports write figures."""

from __future__ import annotations

import math

import pytest

from raysearch.report.blocks import PM, with_error


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (0.73124, 0.0044, f"0.7312 {PM} 0.0044"),
        (123.4, 12.0, f"123 {PM} 12"),
        (0.6176, 0.0, f"0.6176 {PM} 0"),
        (0.6176, math.nan, "0.6176"),
    ],
)
def test_a_figure_is_written_to_its_errors_second_digit(value: float, error: float, text: str) -> None:
    assert with_error(value, error) == text
