"""A network's weights as one flat vector, and what is added to it: the form in which evolution sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import torch
from torch import Tensor, nn

Step = tuple[Tensor | None, Tensor]
"""A change: places int64 (k,), each at most once, and deltas float (k,); places None: deltas (weight,)."""


@dataclass(frozen=True, eq=False)
class StepTable(Sequence[Step]):
    """Steps that change equally many weights each, for whoever can take them all at once.

    Args:
        places: int64 (step, k).
        deltas: float (step, k).
    """

    places: Tensor
    deltas: Tensor

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, place: int) -> Step: ...

    @overload
    def __getitem__(self, place: slice) -> StepTable: ...

    def __getitem__(self, place: int | slice) -> Step | StepTable:
        if isinstance(place, slice):
            return StepTable(self.places[place], self.deltas[place])
        return self.places[place], self.deltas[place]


def flat_parameters(model: nn.Module) -> Tensor:
    """Make a model's parameters views of one flat vector, in ``model.parameters()``'s order, and return it.

    What is written to the vector is what the model computes with. The parameters stay the same objects, so
    that an optimiser keeps them; ``load_state_dict`` writes through to the vector. Moving the model to a
    device or dtype parts them: call this again, which costs next to nothing where they still are views of one
    vector.

    Args:
        model: on one device, of one dtype.

    Returns:
        (weight,), without gradient.

    Raises:
        TypeError: the model has no parameters, or they are on several devices or of several dtypes.
    """
    parameters = list(model.parameters())
    kinds = {(parameter.device, parameter.dtype) for parameter in parameters}
    if len(kinds) != 1:
        found = ", ".join(sorted(f"{dtype} on {device}" for device, dtype in kinds)) or "none"
        raise TypeError(f"a flat vector needs parameters of one dtype on one device; found {found}")
    n = sum(parameter.numel() for parameter in parameters)
    # Called for every batch of evolution: where nothing has moved since, no weight is copied.
    if _is_one_vector(parameters):
        return torch.as_strided(parameters[0].detach(), (n,), (1,))
    flat = torch.cat([parameter.detach().reshape(-1) for parameter in parameters])
    for parameter, values in zip(parameters, flat.split([p.numel() for p in parameters]), strict=True):
        parameter.data = values.view(parameter.shape)  # .data: the object stays the one that optimisers hold
    return flat


def _is_one_vector(parameters: list[nn.Parameter]) -> bool:
    storage = parameters[0].untyped_storage().data_ptr()
    offset = parameters[0].storage_offset()
    for parameter in parameters:
        if (
            parameter.untyped_storage().data_ptr() != storage
            or parameter.storage_offset() != offset
            or not parameter.is_contiguous()
        ):
            return False
        offset += parameter.numel()
    return True
