"""An order of rows for files larger than memory: mixed, yet rows read together lie near each other."""

from __future__ import annotations

import torch
from torch import Tensor

CHUNK = 1000
POOL = 20


def chunk_shuffled(n: int, generator: torch.Generator, chunk: int = CHUNK, pool: int = POOL) -> Tensor:
    """Shuffle rows within pools of chunks drawn at random.

    Args:
        n: rows.
        generator: what to draw from.
        chunk: rows that are neighbours in the file and are read together.
        pool: chunks whose rows are mixed.

    Returns:
        Every row once, int64 (n,).
    """
    starts = torch.randperm(-(-n // chunk), generator=generator) * chunk
    pools = []
    for some in starts.split(pool):
        rows = torch.cat([torch.arange(start, min(start + chunk, n)) for start in some.tolist()])
        pools.append(rows[torch.randperm(len(rows), generator=generator)])
    return torch.cat(pools)
