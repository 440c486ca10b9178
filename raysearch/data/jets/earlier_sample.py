"""The sample of jets that shipped with an earlier version, for studies that began on it.

Their ledgers have its sum, so that they go on with no other. It is made again, byte for byte, by
``raysearch data make jets --recipe 0.1.0 --jets 10000 --seed 1 --compact``.
"""

from __future__ import annotations

import os
from pathlib import Path

from raysearch.data.files import content_sha256
from raysearch.data.jets.choices import EARLIER_SAMPLES
from raysearch.errors import InputError

VARIABLE = "RAYSEARCH_JETS"


def earlier_sample() -> Path | None:
    """The earlier sample that the environment names in place of the one that ships, or None.

    Raises:
        InputError: what it names is no such sample; other jets are given as the data of a study.
    """
    told = os.environ.get(VARIABLE)
    if not told:
        return None
    path = Path(told)
    if not path.is_file() or content_sha256(path) not in EARLIER_SAMPLES:
        versions = ", ".join(EARLIER_SAMPLES.values())
        raise InputError(
            f"{VARIABLE}: {told} is not the sample that shipped with raysearch {versions}; "
            "give other jets with --data"
        )
    return path
