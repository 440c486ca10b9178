"""3DGAN: a generator of calorimeter showers and the discriminator that teaches it, in one module."""

from __future__ import annotations

from torch import Tensor, nn

from raysearch.errors import InputError
from raysearch.models.gan3d_block import compute_problems
from raysearch.models.gan3d_discriminator import Discriminator
from raysearch.models.gan3d_generator import Generator
from raysearch.models.gan3d_shape import Gan3dShape


class Gan3d(nn.Module):
    """Both networks, as the children ``generator`` and ``discriminator``.

    Args:
        shape: their sizes, such as ``FIXED_ANGLE`` or ``VARIABLE_ANGLE`` of ``gan3d_published.py``.
        compute: ``plain`` as it is written down, ``phases`` by exact forms that are quicker; one function
            but for rounding, with the same parameters. Dropout draws its random numbers in another order.

    Raises:
        InputError: for another ``compute``.
    """

    def __init__(self, shape: Gan3dShape, *, compute: str = "phases") -> None:
        super().__init__()
        if problems := compute_problems(compute):
            raise InputError(*problems)
        self.shape = shape
        self.generator = Generator(shape, compute=compute)
        self.discriminator = Discriminator(shape, compute=compute)

    def forward(self, noise_BL: Tensor, energy_B: Tensor, angle_B: Tensor | None = None) -> Tensor:
        """Generate showers, see :meth:`Generator.forward`."""
        return self.generator(noise_BL, energy_B, angle_B)
