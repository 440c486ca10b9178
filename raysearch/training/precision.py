"""In which floating-point format a run computes: float32, or mixed precision as torch's autocast has it.

In ``bfloat16`` and ``float16`` matrix products, convolutions and the like take their inputs in that format; what needs
more (sums, normalisation, losses) stays in float32, and so do weights, gradients, the optimiser and checkpoints.
``float16`` ends at 65504 and 6e-8, so that its loss is scaled (``torch.amp.GradScaler``; P. Micikevicius et al.,
arXiv:1710.03740): a step whose gradients overflow is left out, and the next one has half the scale.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

FLOAT32 = "float32"
_LOWER = {"bfloat16": torch.bfloat16, "float16": torch.float16}
PRECISIONS = (FLOAT32, *_LOWER)
LEAST_SCALE = 1.0  # below it gradients overflow for another reason than the scale


def computing_in(precision: str, device: torch.device) -> AbstractContextManager[object]:
    """Have models compute in a precision on a device, for a forward pass and its loss; not for the backward pass."""
    if precision == FLOAT32:
        return nullcontext()
    return torch.autocast(device.type, dtype=_LOWER[precision])


def not_computing_in(precision: str, device: torch.device) -> AbstractContextManager[object]:
    """Have the backward pass, inside :func:`computing_in`, keep to the formats of the forward pass, as torch asks."""
    return nullcontext() if precision == FLOAT32 else torch.autocast(device.type, enabled=False)


def forget_casts(precision: str) -> None:
    """Drop autocast's lower-precision copies of weights, which it keeps until :func:`computing_in` is left.

    Without it a second loss in the same batch would be computed with the weights from before the first one's step.
    """
    if precision != FLOAT32:
        torch.clear_autocast_cache()


def loss_scaler(precision: str, device: torch.device) -> torch.amp.GradScaler:
    """Make what scales a loss before its backward pass; it does nothing where float32's exponents are at hand."""
    return torch.amp.GradScaler(device.type, enabled=precision == "float16")


def widened(values: Tensor) -> Tensor:
    """Outputs or losses in float32 at least."""
    return values.float() if values.dtype in _LOWER.values() else values
