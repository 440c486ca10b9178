"""A scaling as plain values, to be kept beside the weights of the model that was trained with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from raysearch.data.scaling import Scaling


def to_plain(scaling: Scaling | None) -> dict[str, Any] | None:
    """Write a scaling down with every bit; None stays None."""
    if scaling is None:
        return None
    # Python writes the shortest decimal number that reads back as the same bits.
    return {"mean": scaling.mean.tolist(), "sd": scaling.sd.tolist(), "padded": scaling.padded}


def from_plain(plain: Mapping[str, Any] | None) -> Scaling | None:
    """Read :func:`to_plain` back."""
    if plain is None:
        return None
    return Scaling(torch.tensor(plain["mean"]), torch.tensor(plain["sd"]), plain["padded"])
