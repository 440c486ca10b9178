"""The NND VAE's decoder as other programs run it, and rows as files have them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from raysearch.models.nnd_vae import NndVae
from raysearch.tasks.nnd_vae_rows import in_files_units, is_there, unscaled, white


class DecoderAlone(nn.Module):
    """Draws from unit Gaussians and numbers of points in, rows of a file out.

    Args:
        model: of which it is the decoder.
        statistics: (3, 3) of the training part.
    """

    statistics: Tensor

    def __init__(self, model: NndVae, statistics: Tensor) -> None:
        super().__init__()
        self.decoder, self.of_jets = model.decoder, model.goal.jets is not None
        self.is_white = model.goal.form.features == "positions"
        self.points = model.points
        self.register_buffer("statistics", statistics)

    def forward(self, *given: Tensor) -> Tensor:
        """Generate clouds (B, N, 3) in the files' units; jets with a mask behind, as JetNet's files have it.

        Args:
            given: normally distributed (B, Z); int64 (B,), points of each cloud.
        """
        z_BZ, n_B = given
        there = is_there(n_B, self.points)
        statistics = self.statistics.expand(n_B.shape[0], -1, -1)
        made = unscaled(self.decoder(z_BZ, there), there, statistics)
        if self.is_white:
            made = white(made, statistics)
        return in_file(made, n_B, statistics, of_jets=self.of_jets)


def in_file(made: Tensor, number: Tensor, statistics: Tensor, *, of_jets: bool) -> Tensor:
    """Turn what was generated into rows of a file.

    Args:
        made: (cloud, point, 3), in the loss's units.
        number: of points of each.
        statistics: (cloud, 3, 3).
        of_jets: whether they are momenta; jets get a mask.
    """
    rows = in_files_units(made, statistics, of_jets=of_jets)
    if not of_jets:
        return rows
    return torch.cat([rows, is_there(number, made.shape[1]).to(rows.dtype)[..., None]], dim=2)
