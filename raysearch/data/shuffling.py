"""An order of rows for files larger than memory: mixed, yet rows read together lie near each other."""

from __future__ import annotations

import torch
from torch import Tensor

CHUNK = 1000
POOL = 20


def chunk_shuffled(n: int, generator: torch.Generator, chunk: int = CHUNK, pool: int = POOL) -> Tensor:
    """Shuffle rows so that reading them in this order touches a disk in chunks, not in single rows.

    Chunks of consecutive rows are put in random order; the rows of each ``pool`` of them are shuffled
    together. A batch then holds rows of many chunks, and at most ``chunk * pool`` rows are of interest at a
    time. One pool of all rows is a full shuffle.

    Args:
        n: rows.
        generator: what to draw from.
        chunk: rows that are neighbours in the file and are read together.
        pool: chunks whose rows are mixed.

    Returns:
        Every row once, int64 (n,).

    Raises:
        ValueError: ``chunk`` or ``pool`` is less than 1.
    """
    if chunk < 1 or pool < 1:
        raise ValueError(f"chunk and pool: need at least 1, got {chunk} and {pool}")
    starts = torch.randperm(-(-n // chunk), generator=generator) * chunk
    pools = []
    for some in starts.split(pool):
        rows = (some[:, None] + torch.arange(chunk)).flatten()
        rows = rows[rows < n]  # the last chunk may be short
        pools.append(rows[torch.randperm(len(rows), generator=generator)])
    return torch.cat(pools)
