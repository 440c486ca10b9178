"""How shown values take their attributes: arrays of the right axes and kinds, or one clear error."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from raysearch.errors import InputError

PLAIN: dict[str, tuple[type, ...]] = {  # of the fields that are no arrays, by their annotation
    "str": (str,),
    "bool": (bool,),
    "float | None": (float, int, type(None)),
}


def need_plain(value: object) -> None:
    """Refuse words that are no words, and the like.

    Raises:
        InputError: an attribute is not of its annotated kind; lists all.
    """
    wrong = [
        f"{type(value).__name__}.{each.name}: needs {each.type}, got {getattr(value, each.name)!r}"
        for each in fields(value)  # type: ignore[arg-type] # shown values are dataclasses
        if not isinstance(getattr(value, each.name), PLAIN.get(str(each.type), (object,)))
    ]
    if wrong:
        raise InputError(*wrong)


def take(value: object, name: str, what: object) -> None:
    """Set an attribute of a frozen value while it is made."""
    object.__setattr__(value, name, what)


def take_array(value: object, name: str, axes: tuple[str, ...], kinds: str = "fiu") -> None:
    """Keep an attribute as an array with these axes and of some kinds of numbers (NumPy's letters).

    Raises:
        InputError: it is something else.
    """
    array = np.asarray(getattr(value, name))
    if array.ndim != len(axes) or array.dtype.kind not in kinds:
        what = "whole numbers" if kinds == "iu" else "numbers"
        shape = f"({', '.join(axes)}{',' if len(axes) == 1 else ''})"
        told = f"needs {what} of shape {shape}, got {array.dtype} of {array.shape}"
        raise InputError(f"{type(value).__name__}.{name}: {told}")
    take(value, name, array)


def take_edges(value: object) -> None:
    """Keep ``edges`` as an array of two or more rising numbers.

    Raises:
        InputError: it is something else.
    """
    take_array(value, "edges", ("bin + 1",))
    edges = value.edges  # type: ignore[attr-defined] # taken on the line before
    if len(edges) < 2 or not np.isfinite(edges).all() or (np.diff(edges) <= 0).any():
        told = "needs two or more rising numbers"
        raise InputError(f"{type(value).__name__}.edges: {told}, got {edges.tolist()}")


def need_one_length(value: object, axis: str, *names: str) -> None:
    """Refuse arrays of other lengths than each other.

    Raises:
        InputError: lengths differ; lists all shapes.
    """
    shapes = {name: getattr(value, name).shape for name in names}
    if len({shape[0] for shape in shapes.values()}) > 1:
        told = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise InputError(f"{type(value).__name__}: needs one number of {axis}s, got {told}")
