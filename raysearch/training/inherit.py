"""What a run takes over from the one it goes on from: weights that fit, and optimisers' states if all do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from raysearch.errors import WeightsGoneError
from raysearch.training.checkpoint import load_checkpoint, weights_sha256
from raysearch.training.order import Order


def inherit(order: Order, model: nn.Module) -> dict[str, Any]:
    """Copy the weights of the run's parent into the model, as far as they fit.

    Of a tensor whose shape has changed the part that both shapes have in common is taken: the first filters,
    the first neurons, and of a kernel the middle, so that its map does not move. The rest stays as it is.

    Args:
        order: names the parent; without one nothing happens.
        model: with fresh weights, changed in place.

    Returns:
        The state of the parent's learner; where not every weight found its place, of its schedules alone.

    Raises:
        WeightsGoneError: the parent's checkpoint is gone or is not the one that the ledger names.
    """
    if not order.parent:
        return {}
    path = Path(order.study_folder) / order.parent
    content = load_checkpoint(path)
    # Fresh weights instead would be another trial than the one in the ledger, and look like it.
    if content is None or weights_sha256(content["model"]) != order.parent_sha256:
        raise WeightsGoneError(f"{path}: gone or damaged; the run goes on from it")
    theirs: dict[str, Tensor] = content.pop("model")
    own = model.state_dict()
    for name in own.keys() & theirs.keys():
        copy_common(own[name], theirs[name])
    # An optimiser's moments go by place: with one other shape they would be those of other weights.
    same = {name: tensor.shape for name, tensor in own.items()}
    if same == {name: tensor.shape for name, tensor in theirs.items()}:
        return content
    return {key: content[key] for key in ("schedules", "behind") if key in content}


@torch.no_grad()
def copy_common(target: Tensor, source: Tensor) -> None:
    """Copy the part of ``source`` that ``target`` has room for; axes of a kernel are those after two."""
    if target.ndim != source.ndim:
        return
    pairs = [
        _middle(*sizes) if axis >= 2 else (slice(0, min(sizes)), slice(0, min(sizes)))
        for axis, sizes in enumerate(zip(target.shape, source.shape, strict=True))
    ]
    target[tuple(pair[0] for pair in pairs)] = source[tuple(pair[1] for pair in pairs)]


def _middle(one: int, other: int) -> tuple[slice, slice]:
    """Where two lengths lie over each other when their middles do."""
    common = min(one, other)
    ours, theirs = (slice((size - common) // 2, (size + common) // 2) for size in (one, other))
    return ours, theirs
