"""Spans of time and limits as people write them; what they change of a study's identity: nothing."""

from __future__ import annotations

import pytest
from toy import toy_space_file

from raysearch.errors import InputError
from raysearch.space.durations import parse_duration, written_duration
from raysearch.space.run_limits import RunLimits, wished
from raysearch.space.space_file import change_space_file


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30),
        ("10m", 600),
        ("10 min", 600),
        ("2h", 7200),
        ("1.5d", 129600),
        ("45", 45),
        (90, 90),
        (0.5, 0.5),
    ],
)
def test_spans_of_time(text: object, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "0", "0h", 0, -1, "-3s", "2 weeks", "1h30m", True, None, float("inf"), float("nan"), [1], "1e3"],
)
def test_what_is_no_span_of_time_is_refused_with_what_is_allowed(text: object) -> None:
    with pytest.raises(ValueError, match="such as 30s, 10m, 2h or 1d"):
        parse_duration(text)


def test_spans_of_time_are_written_in_their_largest_unit() -> None:
    assert [written_duration(s) for s in (0.5, 40, 600, 5400, 86400)] == [
        "0.5 s", "40 s", "10 min", "1.5 h", "1 d",
    ]  # fmt: skip


def test_limits_are_checked_in_the_space_file_and_decide_no_identity() -> None:
    plain = toy_space_file()
    limits = ["budget.time=2h", "budget.run_time=600", "budget.silence=5m", "resources.memory=4 GB"]
    limited = change_space_file(plain, limits)
    assert limited.identity == plain.identity
    assert RunLimits.read({"time": "2h", "memory": "4 GB"}) == RunLimits(time_s=7200, memory_bytes=4 * 10**9)
    for text in ("budget.time=soon", "budget.run_time=0", "budget.silence=true", "resources.memory=4"):
        with pytest.raises(InputError, match=f"--set {text}: {text.partition('=')[0]}: must be"):
            change_space_file(plain, [text])


def test_a_wish_names_all_limits_that_cannot_be_read_and_none_lifts_one() -> None:
    assert wished({"time": None, "run_time": "none", "memory": "2 GB"}) == {
        "run_time": None,
        "memory": "2 GB",
    }
    with pytest.raises(InputError) as caught:
        wished({"run_time": "soon", "memory": "2"})
    assert [problem.partition(":")[0] for problem in caught.value.problems] == [
        "--run-time soon", "--memory 2",
    ]  # fmt: skip
