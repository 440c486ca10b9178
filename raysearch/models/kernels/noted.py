"""What became of the compiled kernels that models asked for in this process: their bits are not torch's."""

from __future__ import annotations

import ctypes

COMPILED, TORCH = "compiled", "torch"
COMPILED_BF16 = "compiled with bfloat16 products"

_noted: set[str] = set()


def note(library: ctypes.CDLL | None, form: str = COMPILED) -> ctypes.CDLL | None:
    """Note whether a kernel that was asked for could be had, and in which form, and hand it on."""
    _noted.add(TORCH if library is None else form)
    return library


def noted() -> set[str]:
    """What was noted: a form of ``compiled``, or ``torch`` where none could be had; empty if nobody asked."""
    return set(_noted)


def forget_noted() -> None:
    """Begin anew, with another run."""
    _noted.clear()
