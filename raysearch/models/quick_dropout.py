"""Dropout on a CPU at a quarter of the random numbers.

torch draws 32 bits or more for each value, one after the other, which for layers of a hundred or two of units
takes longer than their product. Here 64 bits decide on four values, by 16 each, so that the share that is
dropped is a multiple of 1 / 65536; what is kept is scaled by that share, so that the mean stays exact.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - the usual name
from torch import Tensor

LEVELS = 2**16
AT_ONCE = 4  # values to a random number of 64 bits


def quick_dropout(x: Tensor, share: float, training: bool) -> Tensor:
    """Drop values at random, as ``torch.nn.functional.dropout`` does, from other random numbers.

    Args:
        x: of any shape.
        share: of values that are dropped, 0 to less than 1; taken to the nearest 1 / 65536.
        training: whether to drop any.
    """
    dropped = round(share * LEVELS)
    if not training or not dropped:
        return x
    if x.device.type != "cpu":  # there random numbers cost nothing beside the rest
        return F.dropout(x, share, training)
    n = x.numel()
    numbers = torch.empty(-(-n // AT_ONCE), dtype=torch.int64).random_(-(2**63), None)
    bits = numbers.view(torch.int16)[:n].view(x.shape)
    # As numbers of x's own kind at once: a product with true and false turns them into such, twice.
    kept = torch.ge(bits, dropped - LEVELS // 2, out=torch.empty_like(bits, dtype=x.dtype))
    return x * kept.mul_(LEVELS / (LEVELS - dropped))
