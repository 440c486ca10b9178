"""The nearest-neighbour distance (NND) of two point clouds, in the forms that it was published in.

With A the points of an input, B those of an output and D the distance of two points,

    L(A, B) = sum_(i in A) min_(j in B) D(i, j) + sum_(j in B) min_(i in A) D(i, j),                      (1)

the Chamfer distance. Each sum may stand alone or be weighted, D be squared, and be of all features or of
positions alone; outputs may repel each other. Sources: borzari/ria_convae (sparse MNIST, superpixels) and
borzari/ConVAE_Jet ``core/models/vae.py`` (jets, arXiv:2109.15197). Their code has D of (x, y, intensity)
together, the text of (x, y). Torch's ``PairwiseDistance`` reduced over dimension 1 when that was written, and
reduces over the last one today: the same lines would now compute something else, without an error.

The nearest are looked for without gradients, and then D is computed of these pairs alone: the gradients are
those of (1), and the distances of all pairs are neither kept nor gone through backwards.

Shapes in names: B clouds of a batch, M outputs, N inputs, F features, of which the first two are positions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from raysearch.errors import one_of

POSITIONS = 2  # features that are x and y, or eta and phi
FEATURES = ("all", "positions", "matched")
FAR = 1e15  # where what is not there is put; its square is a float32


@dataclass(frozen=True, slots=True, kw_only=True)
class NndForm:
    """One form of the loss.

    Attributes:
        of_inputs: weight of the sum over inputs of the distance to the nearest output.
        of_outputs: weight of the sum over outputs of the distance to the nearest input.
        squared: whether distances are squared.
        features: what they are of: ``all``; ``positions`` alone, so that intensities are not learnt;
            ``matched``: of all features, between points that are nearest by their positions.
        repulsion: weight of the sum over outputs of exp(-distance to the nearest other output / range), by
            positions; without it outputs that only look for inputs clump.
        repulsion_range: of that, in the units of positions.
    """

    of_inputs: float = 1.0
    of_outputs: float = 1.0
    squared: bool = False
    features: str = "all"
    repulsion: float = 0.0
    repulsion_range: float = 0.5

    def problems(self) -> Iterator[str]:
        """Tell what is wrong with it, as ``name: what``."""
        if self.features not in FEATURES:
            yield f"features: needs {one_of(FEATURES)}, got {self.features!r}"
        if self.repulsion < 0:
            yield f"repulsion: needs at least 0, got {self.repulsion}"
        if not self.repulsion_range > 0:
            yield f"repulsion_range: needs more than 0, got {self.repulsion_range}"


FORMS: dict[str, NndForm] = {
    "equation": NndForm(),  # Eq. (1)
    "oei": NndForm(of_inputs=0),  # outputs to their nearest inputs, sparse MNIST
    "oei_repulsion": NndForm(of_inputs=0, repulsion=1.0, repulsion_range=0.5),  # the same with its repulsion
    "ieo": NndForm(of_outputs=0),  # inputs to their nearest outputs: sparse MNIST, rejected there
    "sym": NndForm(of_inputs=0.5, of_outputs=0.5),  # half of each, sparse MNIST
    "superpixels": NndForm(squared=True),
    "jets": NndForm(squared=True),
}
"""The published forms, by their names in the public code where they have one."""


def nnd(made_BMF: Tensor, real_BNF: Tensor, made_BM: Tensor, real_BN: Tensor, form: NndForm) -> Tensor:
    """Compute the loss of each cloud (B,).

    Args:
        made_BMF: points of outputs.
        real_BNF: points of inputs.
        made_BM: bool, which outputs are there; others count nothing and are nobody's nearest.
        real_BN: the same of inputs.
        form: of the loss.
    """
    looked_at = slice(None) if form.features == "all" else slice(POSITIONS)
    compared = slice(POSITIONS) if form.features == "positions" else slice(None)
    nearest_BM, nearest_BN = nearest(made_BMF[..., looked_at], real_BNF[..., looked_at], made_BM, real_BN)
    made, real = made_BMF[..., compared], real_BNF[..., compared]
    total_B = made.new_zeros(len(made))
    if form.of_inputs:
        apart_BN = _distance(real, _picked(made, nearest_BN), form.squared)
        total_B = total_B + form.of_inputs * (apart_BN * real_BN).sum(1)  # Eq. (1), first sum
    if form.of_outputs:
        apart_BM = _distance(made, _picked(real, nearest_BM), form.squared)
        total_B = total_B + form.of_outputs * (apart_BM * made_BM).sum(1)  # Eq. (1), second sum
    if form.repulsion:
        total_B = total_B + form.repulsion * repulsion(made_BMF, made_BM, form.repulsion_range)
    return total_B


def repulsion(made_BMF: Tensor, made_BM: Tensor, over: float) -> Tensor:
    """Sum over outputs of exp(-d / k), with d to the nearest other output by positions; (B,)."""
    places = made_BMF[..., :POSITIONS]
    squares = _squares(places, places, made_BM, made_BM)
    squares.diagonal(dim1=1, dim2=2).fill_(torch.inf)
    apart_BM = _distance(places, _picked(places, squares.min(2).indices), squared=False)
    has_others = made_BM & (made_BM.sum(1, keepdim=True) > 1)
    return (torch.exp(-apart_BM / over) * has_others).sum(1)


def nearest(x_BMF: Tensor, y_BNF: Tensor, x_BM: Tensor, y_BN: Tensor) -> tuple[Tensor, Tensor]:
    """Find the nearest y of every x (B, M), and the nearest x of every y (B, N), of those that are there."""
    squares = _squares(x_BMF, y_BNF, x_BM, y_BN)
    return squares.min(2).indices, squares.min(1).indices  # argmin takes twice as long along the first axis


@torch.no_grad()
def _squares(x_BMF: Tensor, y_BNF: Tensor, x_BM: Tensor, y_BN: Tensor) -> Tensor:
    """Squared distances of all pairs (B, M, N), far beyond all others where one is not there."""
    # What is not there lies far away on either side, so that no mask of all pairs is gone through.
    x_FBM = x_BMF.where(x_BM[..., None], FAR).permute(2, 0, 1).contiguous()
    y_FBN = y_BNF.where(y_BN[..., None], -FAR).permute(2, 0, 1).contiguous()
    # Feature by feature into one array: a (B, M, N, F) would be F times as much memory to go through.
    squares = (x_FBM[0, :, :, None] - y_FBN[0, :, None]).square_()
    apart = torch.empty_like(squares)
    for one_BM, other_BN in zip(x_FBM[1:], y_FBN[1:], strict=True):
        torch.sub(one_BM[:, :, None], other_BN[:, None], out=apart)
        squares.addcmul_(apart, apart)
    return squares


def _picked(points_BNF: Tensor, which_BM: Tensor) -> Tensor:
    return points_BNF.gather(1, which_BM[..., None].expand(-1, -1, points_BNF.shape[2]))


def _distance(one: Tensor, other: Tensor, squared: bool) -> Tensor:
    apart = one - other
    # The norm's gradient at 0 is taken as 0; that of a square root would not be a number.
    return apart.square().sum(2) if squared else torch.linalg.vector_norm(apart, dim=2)
