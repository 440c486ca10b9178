"""Shown values in one file and back: an npz archive of plain arrays beside a header in JSON, without pickles.

Files of version 0.1.0 hold no header but one of two sets of arrays, and are read as what they meant: a
classifier's ``labels``, ``scores``, ``classes``, or a calorimeter's ``targets``, ``outputs``, ``calibrated``.
A task of a user's own kept ``outputs`` and ``targets``, which show nothing.
"""

from __future__ import annotations

import io
import json
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, get_args

import numpy as np

from raysearch.errors import InputError, one_of
from raysearch.metrics.shown.values import (
    Against,
    Array,
    Condition,
    Coordinate,
    Parts,
    Scores,
    Shown,
    calorimeter_energy,
)

VERSION = 1
# The member that holds the header; arrays are named by the place of their value: ``0.real``, ``0.over.edges``
HEADER = "shown"
ARRAY = "array"  # key in the header, of the name of an array
INNER = (Against, Condition, Coordinate, Parts)  # that stand inside of others alone
TYPES: dict[str, type] = {kind.__name__: kind for kind in (*get_args(Shown), *INNER)}

OF_CLASSIFIERS = ("labels", "scores", "classes")  # of 0.1.0
OF_CALORIMETERS = ("targets", "outputs", "calibrated")  # of 0.1.0

# What numpy, zipfile and json raise for bytes that are no such file. Among them RuntimeError, of an encrypted
# member, and errors of syntax, for numpy parses the headers of arrays as Python literals.
DAMAGED = (
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
    EOFError,
    OSError,
    MemoryError,
    NotImplementedError,
    RuntimeError,
    SyntaxError,
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)


def pack(shown: Sequence[Shown], **kept: Array) -> bytes:
    """Write values into one file, in their order; the same values give the same bytes.

    Args:
        shown: the values.
        kept: arrays that stand beside them under their own names, for whoever opens the file as the npz that
            it is.
    """
    arrays: dict[str, Array] = {}
    values = [_flat(value, str(place), arrays) for place, value in enumerate(shown)]
    header = json.dumps({"version": VERSION, "values": values}, allow_nan=False)
    buffer = io.BytesIO()
    named = {HEADER: np.array(header), **arrays, **kept}
    np.savez_compressed(buffer, **named)  # type: ignore[arg-type] # its stub's flag
    return buffer.getvalue()


def unpack(content: bytes) -> tuple[Shown, ...]:
    """Read the values that :func:`pack` wrote, or a file of version 0.1.0.

    Raises:
        InputError: the bytes are no such file, damaged, or of a later version; says what is wrong.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as opened:
            arrays = {name: np.asarray(opened[name]) for name in opened.files}
        if HEADER not in arrays:
            return of_arrays(arrays)
        header = json.loads(str(arrays[HEADER]))
        version, values = header["version"], header["values"]
    except DAMAGED as error:
        raise InputError(f"no file of shown values, or damaged: {error or type(error).__name__}") from error
    if version != VERSION:
        raise InputError(f"shown values of version {version!r}, this raysearch reads {VERSION}")
    try:
        return tuple(_value(each, arrays, get_args(Shown)) for each in values)
    except DAMAGED as error:
        raise InputError(f"damaged shown values: {error or type(error).__name__}") from error


def of_arrays(arrays: Mapping[str, Any]) -> tuple[Shown, ...]:
    """What the arrays of a file of version 0.1.0 show, or those that a task's ``predictions`` gave then.

    Raises:
        InputError: they are one of the two sets, but their shapes do not fit together.
    """
    if set(OF_CLASSIFIERS) <= set(arrays):
        labels, scores, classes = (np.asarray(arrays[name]) for name in OF_CLASSIFIERS)
        return (Scores(labels, scores, tuple(map(str, classes))),)
    if set(OF_CALORIMETERS) <= set(arrays):
        return (calorimeter_energy(*(np.asarray(arrays[name]) for name in OF_CALORIMETERS)),)
    return ()


def _flat(what: Any, place: str, arrays: dict[str, Array]) -> Any:  # noqa: ANN401 - whatever a value holds
    """Turn a value into JSON, with its arrays put among ``arrays`` under their places."""
    if is_dataclass(what):
        inner = {
            each.name: _flat(getattr(what, each.name), f"{place}.{each.name}", arrays)
            for each in fields(what)
        }
        return {"type": type(what).__name__, "fields": inner}
    if isinstance(what, np.ndarray):
        arrays[place] = what
        return {ARRAY: place}
    return list(what) if isinstance(what, tuple) else what


def _value(flat: Any, arrays: Mapping[str, Array], allowed: Sequence[type]) -> Any:  # noqa: ANN401
    """Make a value of its JSON; its own checks say what does not fit.

    Raises:
        InputError: an unknown type, or faults of the value.
    """
    kind = TYPES.get(flat["type"])
    if kind not in allowed or kind is None:
        raise InputError(
            f"shown values: no {flat['type']!r} here; {one_of([each.__name__ for each in allowed])}"
        )
    return kind(**{name: _attribute(inner, arrays) for name, inner in flat["fields"].items()})


def _attribute(flat: Any, arrays: Mapping[str, Array]) -> Any:  # noqa: ANN401 - whatever a value holds
    if isinstance(flat, dict):
        return arrays[flat[ARRAY]] if ARRAY in flat else _value(flat, arrays, INNER)
    return flat
