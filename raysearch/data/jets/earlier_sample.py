"""The sample of jets that shipped with an earlier version, for studies that began on it.

Their ledgers have its sum, so that they go on with no other. It is made again, byte for byte, by
``raysearch data make jets --recipe 0.1.0 --jets 10000 --seed 1 --compact``.
"""

from __future__ import annotations

import os
from pathlib import Path

from raysearch.data.files import content_sha256
from raysearch.errors import InputError

VARIABLE = "RAYSEARCH_JETS"
SUMS = {"d36fec1d75d5141514a0cb080fa681418d98139f29b1ffeb8fdd627fcf2ea942": "0.1.0"}


def earlier_sample() -> Path | None:
    """The earlier sample that the environment names in place of the one that ships, or None.

    Raises:
        InputError: what it names is no such sample; other jets are given as the data of a study.
    """
    told = os.environ.get(VARIABLE)
    if not told:
        return None
    path = Path(told)
    if not path.is_file() or content_sha256(path) not in SUMS:
        raise InputError(
            f"{VARIABLE}: {told} is not the sample that shipped with raysearch {', '.join(SUMS.values())}; "
            "give other jets with --data"
        )
    return path
