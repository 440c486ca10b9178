"""Outputs of many children of one :class:`CaloNetwork` with one convolution, from what they share with it.

A child of point mutation differs from its parent in a few weights. On a batch the parent's maps are computed
once; a child then costs the maps of those filters that its step touches, and one row of the parent's maps for
each dense weight that changed. That is exact but for rounding: single precision, added in another order. What
a child gets depends on the parent, its own step and the showers alone, not on the children beside it, to the
last bit.

The network is out = e + sum_f d_f . a(c_f * x + b_f), with * the convolution and a the activation. Of a child
with steps dc, db, dd, de, and T the filters that it touches,

    out' - out = sum over f in T of (d_f' . a(c_f' * x + b_f') - d_f . a(c_f * x + b_f))      (A)
               + sum over f not in T of dd_f . a(c_f * x + b_f) + de.                         (B)

Shapes in names: B showers, F filters, P cells of a map (25 x 25), K places of a step, T taps of a filter.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from raysearch.models.calo_regressor import ENERGY_GEV, SIDE, CaloNetwork
from raysearch.models.flat import Step, StepTable, flat_parameters
from raysearch.models.interaction_edges import ELU
from raysearch.models.kernels import build
from raysearch.models.kernels.noted import note

CELLS = SIDE**2
AT_ONCE = 128  # showers whose maps are in memory together
SPARSE = 0.1  # steps that change more of the weights than this are no longer cheaper from the parent's maps
ACTIVATION_CODES = {"relu": 0, "elu": 1, "selu": 1, "tanh": 2}  # as in the kernel's enum
_SOURCE = Path(__file__).parent / "kernels" / "calo_children.cpp"


@torch.no_grad()
def children_outputs(model: CaloNetwork, steps: Sequence[Step], images_BZX: Tensor) -> Tensor:
    """Estimate energies by each child of a network.

    Args:
        model: the parent, one convolution, float32 on a CPU; as it was, afterwards.
        steps: what makes a child of it, one each.
        images_BZX: float32 (B, 25, 25), GeV a cell.

    Returns:
        GeV, float32 (child, B).

    Raises:
        ValueError: the model is another one; see :func:`has_fast_children`.
    """
    if not has_fast_children(model):
        raise ValueError("children_outputs needs one convolution in float32 on a CPU")
    flat = flat_parameters(model)
    images = images_BZX.contiguous()
    outputs = torch.empty(len(steps), len(images))
    is_sparse = _are_sparse(steps, len(flat))
    sparse, whole = np.flatnonzero(is_sparse), np.flatnonzero(~is_sparse)
    library = _library(model)
    if len(sparse):
        chosen = steps if len(sparse) == len(steps) else [steps[child] for child in sparse.tolist()]
        found = (
            _torch_sparse(model, flat, chosen, images)
            if library is None
            else _fused_sparse(library, model, flat, chosen, images)
        )
        outputs[sparse] = found
        if not found.sum().isfinite():  # inf - inf: a parent's overflow is not its child's
            whole = np.concatenate([whole, sparse[~found.isfinite().all(dim=1).numpy()]])
    for child in whole.tolist():
        # The same arithmetic for every child with a dense step, whatever the others are.
        changed = stepped(flat, steps[child])
        outputs[child] = (
            _torch_whole(model, changed, images)
            if library is None
            else _fused_whole(library, model, changed, images)
        )
    return outputs.mul_(ENERGY_GEV)


def has_fast_children(model: nn.Module) -> bool:
    """Whether :func:`children_outputs` can be had."""
    if not isinstance(model, CaloNetwork) or model.shape.conv_layers != 1:
        return False
    weight = model.dense.weight
    return weight.dtype == torch.float32 and weight.device.type == "cpu"


def stepped(flat: Tensor, step: Step) -> Tensor:
    """Copy weights (weight,) and add a step to them."""
    places, deltas = step
    if places is None:
        return flat + deltas
    changed = flat.clone()
    changed[places] += deltas
    return changed


def _are_sparse(steps: Sequence[Step], n: int) -> NDArray[np.bool_]:
    """Which steps are cheaper from the parent's maps (child,); n weights in all."""
    if isinstance(steps, StepTable):  # thousands, and all alike
        return np.full(len(steps), steps.places.shape[1] <= SPARSE * n)
    return np.array([places is not None and len(places) <= SPARSE * n for places, _ in steps], bool)


# ---- in torch


def _torch_whole(model: CaloNetwork, weights: Tensor, images: Tensor) -> Tensor:
    """Outputs (B,) of a network with these weights, in units of ENERGY_GEV."""
    shape = model.shape
    cut = _Layout(shape.filters, shape.kernel)
    taps, bias, dense, last = cut.split(weights)
    kernel = taps.view(shape.filters, 1, shape.kernel, shape.kernel)
    pieces = []
    for piece in images.split(AT_ONCE):
        maps = model.convolutions[1](
            functional.conv2d(piece.unsqueeze(1), kernel, bias, padding=shape.kernel // 2)
        )
        pieces.append(functional.linear(maps.flatten(1), dense.view(1, -1), last).squeeze(1))
    return torch.cat(pieces)


def _torch_sparse(model: CaloNetwork, flat: Tensor, steps: Sequence[Step], images: Tensor) -> Tensor:
    """Outputs (child, B) in units of ENERGY_GEV."""
    layout = _Layout(model.shape.filters, model.shape.kernel)
    children = [_SparseChild.of(step, flat.numpy(), layout) for step in steps]
    outputs = torch.empty(len(steps), len(images))
    for place in range(0, len(images), AT_ONCE):
        block = _Block(model, flat, layout, images[place : place + AT_ONCE])
        for child, its in enumerate(children):
            outputs[child, place : place + AT_ONCE] = block.child(its)
    return outputs


@dataclass(frozen=True)
class _Layout:
    """Where weights lie in the flat vector: filters (F, T), their biases (F,), dense (F, P), its bias."""

    filters: int
    kernel: int

    @property
    def taps(self) -> int:
        return self.kernel**2

    @property
    def biases(self) -> int:
        return self.filters * self.taps

    @property
    def dense(self) -> int:
        return self.biases + self.filters

    @property
    def last(self) -> int:
        return self.dense + self.filters * CELLS

    def split(self, weights: Tensor) -> tuple[Tensor, ...]:
        return weights.split([self.biases, self.filters, self.filters * CELLS, 1])


@dataclass(frozen=True)
class _SparseChild:
    """What a step means for the network.

    Attributes:
        changes: of each filter that it touches: (tap, delta), the bias as tap T.
        dense: of those filters, their dense weights (P,) with the step.
        rows, deltas: of the other filters, which dense weights change, (K,).
        last: change of the last bias.
    """

    changes: dict[int, list[tuple[int, float]]]
    dense: dict[int, Tensor]
    rows: Tensor
    deltas: Tensor
    last: float

    @classmethod
    def of(cls, step: Step, flat: NDArray[np.float32], layout: _Layout) -> _SparseChild:
        assert step[0] is not None  # the others are not sparse
        places, deltas = step[0].numpy(), step[1].numpy()
        changes: dict[int, list[tuple[int, float]]] = {}
        is_early = places < layout.dense  # of filters and their biases, which decide what is touched
        for place, delta in zip(places[is_early].tolist(), deltas[is_early].tolist(), strict=True):
            filter_, tap = (
                divmod(place, layout.taps) if place < layout.biases else (place - layout.biases, layout.taps)
            )
            changes.setdefault(filter_, []).append((tap, delta))
        cells = places - layout.dense
        filters = cells // CELLS  # of dense weights; that of the last bias would be one too many
        is_row = ~is_early & (filters < layout.filters)
        dense = {}
        for filter_ in changes:
            # A touched filter's map is new, so its dense weights are taken with their steps, all at once.
            mine = filters == filter_
            first = layout.dense + filter_ * CELLS
            dense[filter_] = flat[first : first + CELLS].copy()
            dense[filter_][places[mine] - first] += deltas[mine]
            is_row &= ~mine
        return cls(
            changes,
            {filter_: torch.from_numpy(weights) for filter_, weights in dense.items()},
            torch.from_numpy(cells[is_row]),
            torch.from_numpy(deltas[is_row]),
            float(deltas[places == layout.last].sum()),
        )


class _Block:
    """The parent's maps of some showers, each cell a row of showers."""

    def __init__(self, model: CaloNetwork, flat: Tensor, layout: _Layout, images: Tensor) -> None:
        edge, wide = layout.kernel // 2, SIDE + layout.kernel - 1
        n = len(images)
        # Showers last, so that a cell is a row of them and whatever a child changes is one contiguous sweep.
        padded = functional.pad(images, (edge,) * 4).permute(1, 2, 0).contiguous()  # (wide, wide, B)
        # A tap's view of all cells is the image moved by a cell: strides, and no copy for each tap.
        self._taps = padded.as_strided(
            (layout.kernel, layout.kernel, SIDE, SIDE, n), (wide * n, n, wide * n, n, 1)
        )
        self._taps = self._taps.flatten(0, 1)  # (T, SIDE, SIDE, B)
        taps, bias, dense, last = layout.split(flat)
        weights = taps.view(layout.filters, layout.taps)
        self._before_FPB = torch.addmm(bias[:, None], weights, self._taps.flatten(1)).view(
            layout.filters, SIDE, SIDE, n
        )
        self._activation = model.convolutions[1]
        maps_FPB = self._activation(self._before_FPB).view(layout.filters, CELLS, n)
        self._maps = maps_FPB.flatten(0, 1)
        self._by_filter = torch.einsum("fp,fpb->fb", dense.view(layout.filters, CELLS), maps_FPB)
        self._output = self._by_filter.sum(0) + last

    def child(self, its: _SparseChild) -> Tensor:
        """Outputs (B,)."""
        change = its.deltas @ self._maps.index_select(0, its.rows)  # (B)
        for filter_, changes in its.changes.items():
            # Convolution is linear: c' * x = c * x + dc * x, of which only the taps that changed are new.
            before = self._before_FPB[filter_].clone()
            for tap, delta in changes:
                if tap < len(self._taps):
                    before.add_(self._taps[tap], alpha=delta)
                else:
                    before += delta
            map_PB = self._activation(before).view(CELLS, -1)
            change += its.dense[filter_] @ map_PB - self._by_filter[filter_]  # (A)
        return self._output + (change + its.last)  # the small sum first, or the large one would round it away


# ---- in C++


class _Activation(ctypes.Structure):
    _fields_ = (("kind", ctypes.c_int32), ("alpha", ctypes.c_float), ("scale", ctypes.c_float))


def _library(model: CaloNetwork) -> ctypes.CDLL | None:
    """The kernel, compiled if need be; None where it is not asked for, or, with a warning, cannot be had."""
    if model.compute != "fused":
        return None
    constants = (("SIDE", SIDE), ("KERNEL", model.shape.kernel), ("FILTERS", model.shape.filters))
    return note(build.load(_SOURCE, constants))


def _activation(model: CaloNetwork) -> _Activation:
    return _Activation(ACTIVATION_CODES[model.shape.activation], *ELU.get(model.shape.activation, (0.0, 1.0)))


def _at(values: Tensor | NDArray[np.generic]) -> ctypes.c_void_p:
    return ctypes.c_void_p(values.data_ptr() if isinstance(values, Tensor) else values.ctypes.data)


def _fused_sparse(
    library: ctypes.CDLL, model: CaloNetwork, flat: Tensor, steps: Sequence[Step], images: Tensor
) -> Tensor:
    """Outputs (child, B) in units of ENERGY_GEV."""
    if isinstance(steps, StepTable):
        places, deltas = steps.places.flatten().to(torch.int32), steps.deltas.flatten()
        ends = np.arange(1, len(steps) + 1) * steps.places.shape[1]
    else:  # all steps in one call: no loop over them in Python
        places = torch.cat([places for places, _ in steps if places is not None]).to(torch.int32)
        deltas = torch.cat([deltas for _, deltas in steps]).contiguous()
        ends = np.cumsum([len(deltas) for _, deltas in steps])
    outputs = torch.empty(len(steps), len(images))
    library.calo_sparse(
        ctypes.c_int(len(images)), _at(images), _at(flat),
        ctypes.c_int(len(steps)), _at(ends), _at(places), _at(deltas),
        ctypes.byref(_activation(model)), _at(outputs),
    )  # fmt: skip
    return outputs


def _fused_whole(library: ctypes.CDLL, model: CaloNetwork, weights: Tensor, images: Tensor) -> Tensor:
    """Outputs (B,) in units of ENERGY_GEV."""
    outputs = torch.empty(len(images))
    library.calo_whole(
        ctypes.c_int(len(images)), _at(images), ctypes.c_int(1), _at(weights),
        ctypes.byref(_activation(model)), _at(outputs),
    )  # fmt: skip
    return outputs
