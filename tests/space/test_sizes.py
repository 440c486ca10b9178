"""Sizes as people write them; whatever is none is refused with what is allowed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy import toy_space_file

from raysearch.errors import InputError
from raysearch.space.sizes import parse_size, written
from raysearch.space.space_file import SpaceFile, change_space_file


@pytest.mark.parametrize(
    ("text", "n_bytes"),
    [
        ("500 MB", 500_000_000),
        ("2GB", 2_000_000_000),
        ("1.5 GiB", 3 * 2**29),
        ("0.1 TB", 100_000_000_000),
        (" 64 kib ", 65536),
        ("2 gb", 2_000_000_000),
        ("999999999 TiB", 999_999_999 * 2**40),
    ],
)
def test_sizes_are_read_to_the_byte(text: str, n_bytes: int) -> None:
    assert parse_size(text) == n_bytes


HOSTILE = [
    "", "GB", "2", "2 G", "2 bytes", "-1 GB", "+1 GB", "0 GB", "0.0 MB", "0.0001 kB", "1e9 GB", "nan GB",
    "inf GB", "1,5 GB", "1 000 MB", "0x10 MB", "2 GB or so", "2 GB\n2 GB", ".5 GB", "1. GB", "\u0663 GB",
    "9" * 5000 + " GB", "2 PB", "2 Gbit", 2000, 2.5, True, [2], {"GB": 2},
]  # fmt: skip


@pytest.mark.parametrize("size", HOSTILE, ids=lambda size: repr(size)[:20])
def test_what_is_no_size_is_refused_in_one_short_line(size: object) -> None:
    with pytest.raises(ValueError, match="must be a number above 0 and one of kB, MB") as caught:
        parse_size(size)
    assert len(str(caught.value)) < 250
    with pytest.raises(ValueError, match="such as 500 MB or 1.5 GiB"):
        SpaceFile.model_validate({**toy_space_file().model_dump(), "storage": {"disk": size}})


@pytest.mark.parametrize("keep", ["0", "-1", "1.5", "true", "'3'", "none", "[1]", "ALL"])
def test_what_cannot_be_kept_is_refused(keep: str) -> None:
    with pytest.raises(InputError) as caught:
        change_space_file(toy_space_file(), [f"storage.keep={keep}"])
    (problem,) = caught.value.problems
    told = (
        f"--set storage.keep={keep}: storage.keep: must be a whole number of trials from 1 on, or all, got "
    )
    assert problem.startswith(told)


def test_storage_is_read_again_as_it_is_written_and_is_no_part_of_the_identity() -> None:
    plain = toy_space_file()
    changed = change_space_file(plain, ["storage={keep: all, disk: 2 GB}"])
    assert (changed.storage.keep, changed.storage.disk) == ("all", "2 GB")
    assert SpaceFile.model_validate(changed.model_dump(mode="json")) == changed
    assert changed.identity == plain.identity
    assert change_space_file(plain, ["budget.epochs=9"]).identity != plain.identity


@pytest.mark.parametrize(
    ("n_bytes", "text"),
    [
        (0, "0 kB"), (1, "0.01 kB"), (1230, "1.23 kB"), (1231, "1.24 kB"), (999_900, "1000 kB"),
        (12_300_000, "12.3 MB"), (2 * 10**9, "2 GB"), (2 * 10**9 + 1, "2.01 GB"), (456 * 10**12, "456 TB"),
    ],
)  # fmt: skip
def test_sizes_are_written_with_three_digits_rounded_up(n_bytes: int, text: str) -> None:
    assert written(n_bytes) == text


@given(st.integers(1, 10**17))
def test_a_size_that_was_written_is_enough_and_not_much_more(n_bytes: int) -> None:
    assert n_bytes <= parse_size(written(n_bytes)) <= n_bytes * 1.011 + 10
