"""Reads digits of one file: CSV with a label and all pixels in a line, or IDX as MNIST comes in.

IDX: http://yann.lecun.com/exdb/mnist; labels lie beside the images, in ``train-labels-idx1-ubyte`` for
``train-images-idx3-ubyte``. Both may be compressed by gzip.
"""

from __future__ import annotations

import gzip
import io
import math
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raysearch.errors import InputError

MOST_BYTES = 2**30  # of a file's content: 1.3 million digits of 28 x 28
IDX_IMAGES, IDX_LABELS = 0x00000803, 0x00000801  # unsigned bytes along three axes, and along one
GZIP = b"\x1f\x8b"
N_CLASSES = 10
GREATEST = (1, 16, 255)  # intensities by which files count: share, scikit-learn's digits, bytes


@dataclass(frozen=True)
class Digits:
    """Digits of one file.

    Attributes:
        images: float32 (digit, row, column), intensity as a share of the greatest that there can be.
        labels: int64 (digit,), 0 to 9.
    """

    images: NDArray[np.float32]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.images)


def read_digits(file: Path) -> Digits:
    """Read a file, whichever layout it has.

    Raises:
        InputError: it cannot be read, is cut short, too large, or holds what cannot be digits.
    """
    content = _content(file)
    is_idx = content[:3] == IDX_IMAGES.to_bytes(4, "big")[:3]
    images, labels = _of_idx(file, content) if is_idx else _of_csv(file, content)
    bad = ~((labels >= 0) & (labels < N_CLASSES) & (labels == np.floor(labels)))
    if bad.any():
        where = int(bad.argmax())
        raise InputError(f"{file}: digit {where}: its label must be 0 to 9, is {labels[where]:g}")
    if not np.isfinite(images).all() or images.min() < 0:
        raise InputError(f"{file}: intensities must be numbers, 0 or more")
    return Digits(_shares(file, images), labels.astype(np.int64))


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            found = opened.read(MOST_BYTES + 1)
        if found.startswith(GZIP):
            with gzip.GzipFile(fileobj=io.BytesIO(found)) as packed:
                found = packed.read(MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{file}: cannot be read: {error}") from None
    if len(found) > MOST_BYTES:
        raise InputError(f"{file}: holds more than {MOST_BYTES:,} bytes, which is the most that is read")
    return found


def _of_idx(file: Path, content: bytes) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    images = _idx(file, content, IDX_IMAGES, "images (digit, row, column)")
    beside = file.with_name(file.name.replace("images", "labels").replace("idx3", "idx1"))
    if beside == file or not beside.exists():
        raise InputError(f"{file}: has no labels beside it; they must be in {beside.name or 'a file'}")
    labels = _idx(beside, _content(beside), IDX_LABELS, "labels (digit,)")
    if len(labels) != len(images):
        raise InputError(f"{beside}: has {len(labels):,} labels for {len(images):,} digits")
    return images.astype(np.float64), labels.astype(np.float64)


def _idx(file: Path, content: bytes, wanted: int, what: str) -> NDArray[np.uint8]:
    """Read an IDX file: a number that tells type and axes, the length of each axis, then bytes."""
    begin = 4 * (1 + (wanted & 0xFF))  # the last byte of the first number is how many axes there are
    if len(content) < begin or int.from_bytes(content[:4], "big") != wanted:
        raise InputError(f"{file}: is no IDX file of {what} as unsigned bytes")
    shape, body = np.frombuffer(content[4:begin], ">u4").tolist(), content[begin:]
    if 0 in shape or math.prod(shape) != len(body):
        raise InputError(f"{file}: tells of shape {tuple(shape)}, but holds {len(body):,} bytes")
    return np.frombuffer(body, np.uint8).reshape(shape)


def _of_csv(file: Path, content: bytes) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    try:
        table = pd.read_csv(io.BytesIO(content), header=_line_of_names(content), dtype=np.float64)
    except (ValueError, UnicodeDecodeError) as error:  # pandas' own errors of parsing are of the first kind
        told = str(error).strip().splitlines()[-1] if str(error).strip() else "no table"
        raise InputError(f"{file}: neither IDX nor CSV of numbers: {told}") from None
    values = table.to_numpy()
    side = math.isqrt(max(values.shape[1] - 1, 0))
    if side < 2 or side**2 != values.shape[1] - 1 or not len(values):
        raise InputError(
            f"{file}: needs a label and a square number of pixels in each line, has {values.shape[1]} columns"
        )
    _require_no_row_as_names(file, values)
    labels_first = _labels_first(file, values)
    labels, pixels = (values[:, 0], values[:, 1:]) if labels_first else (values[:, -1], values[:, :-1])
    return pixels.reshape(-1, side, side), labels


def _line_of_names(content: bytes) -> int | None:
    """Tell the line that names columns: the first one, unless it begins with a number."""
    try:
        float(content.split(b"\n", 1)[0].split(b",")[0].strip(b' "\r'))
    except ValueError:
        return 0
    return None


def _require_no_row_as_names(file: Path, values: NDArray[np.float64]) -> None:
    """Refuse a first line that was taken for names and made different: 0, 0.1, 0.2 for 0, 0, 0."""
    is_whole = (values == np.floor(values)).all(axis=1)
    is_number = np.isfinite(values[0]).all()
    if len(values) > 1 and is_number and not is_whole[0] and is_whole[1:].all():
        raise InputError(
            f"{file}: all numbers are whole but some of the first line, as if they were names that a program "
            "had made different (0, 0.1, 0.2); write it without a line of names: header=False in pandas"
        )


def _labels_first(file: Path, values: NDArray[np.float64]) -> bool:
    """Tell at which end of the lines the labels are."""
    first, last = values[:, 0], values[:, -1]
    if not (_are_labels(first) and _are_labels(last)):
        return _are_labels(first) or not _are_labels(last)
    # A corner with a little noise has not all digits' numbers.
    full = [len(np.unique(end)) == N_CLASSES for end in (first, last)]
    if full[0] == full[1]:
        raise InputError(
            f"{file}: both the first and the last number of all lines may be labels; set the pixels of the "
            "corner to 0"
        )
    return full[0]


def _are_labels(column: NDArray[np.float64]) -> bool:
    """Whether a column may be labels: the other end of a line is a corner, which is black in all digits."""
    return bool(np.isin(column, np.arange(N_CLASSES)).all() and column.any())


def _shares(file: Path, images: NDArray[np.float64]) -> NDArray[np.float32]:
    brightest = float(images.max())
    if not 0 < brightest <= GREATEST[-1]:
        raise InputError(f"{file}: the brightest pixel must be above 0 and at most 255, is {brightest:g}")
    return np.asarray(images / next(most for most in GREATEST if brightest <= most), np.float32)
