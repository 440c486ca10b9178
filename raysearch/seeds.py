"""Random seeds derived from (study seed, purpose, numbers), never from a shared generator.

A stream depends on its place in the study alone, so that neither the order in which runs finish
nor how many run at once can change it.
"""

from __future__ import annotations

import hashlib

import numpy as np


def derive(seed: int, purpose: str, *numbers: int) -> int:
    """Derive the seed of one random stream, SHA-256 of ``seed/purpose/numbers``.

    Args:
        seed: the study's seed.
        purpose: what the stream is for, such as ``"sampler"`` or ``"run"``.
        numbers: the place in the study, such as trial and fold.

    Returns:
        An integer in [0, 2**63).
    """
    # A cryptographic hash and not Python's own, whose salt differs from process to process. Nothing orders or
    # spaces the numbers, so neighbouring trials have streams that have nothing in common.
    place = "/".join([str(seed), purpose, *map(str, numbers)])
    return int.from_bytes(hashlib.sha256(place.encode()).digest()[:8], "big") >> 1  # 63 bits fit int64


def generator(seed: int, purpose: str, *numbers: int) -> np.random.Generator:
    """Make the NumPy generator of one random stream; see :func:`derive`."""
    return np.random.default_rng(derive(seed, purpose, *numbers))
