"""Networks of 3DGAN with few filters, in both forms, for tests."""

from dataclasses import replace

import torch

from raysearch.models.gan3d import Gan3d
from raysearch.models.gan3d_published import FIXED_ANGLE, VARIABLE_ANGLE
from raysearch.models.gan3d_shape import Convolution

SMALL = {  # the published kinds of layers, on fewer cells
    "fixed": replace(
        FIXED_ANGLE,
        cells=(5, 5, 7),
        latent=8,
        start=(2, 2, 3, 3),
        generator=(
            Convolution(filters=5, kernel=(6, 6, 8), padding=None),
            Convolution(filters=3, kernel=(6, 5, 4), upsampling=(2, 2, 2), padding=(2, 2, 0)),
            Convolution(
                filters=2, kernel=(3, 3, 8), upsampling=(2, 2, 3), padding=(1, 0, 3), batch_norm=False
            ),
        ),
        discriminator=(
            Convolution(filters=18, kernel=(5, 5, 5), padding=None, batch_norm=False),
            Convolution(filters=3, kernel=(5, 5, 5), padding=(2, 2, 2)),
            Convolution(filters=2, kernel=(5, 5, 5), padding=(1, 1, 1)),
        ),
    ),
    "variable": replace(
        VARIABLE_ANGLE,
        cells=(7, 7, 5),
        latent=9,
        start=(2, 2, 3, 2),
        generator=(
            Convolution(filters=3, kernel=(6, 6, 8), upsampling=(6, 6, 6)),
            Convolution(filters=2, kernel=(4, 4, 6), padding=(2, 2, 1)),
            Convolution(filters=2, kernel=(3, 3, 3), padding=(1, 1, 0), batch_norm=False),
        ),
        discriminator=(
            Convolution(filters=3, kernel=(2, 3, 4), padding=None, batch_norm=False),
            Convolution(filters=2, kernel=(3, 2, 2), padding=(0, 0, 1)),
        ),
    ),
}


def small_pair(name):
    """Make a network and its plain twin, in double precision, without dropout."""
    torch.manual_seed(0)
    shape = replace(SMALL[name], dropout=0.0, epsilon=1e-2)  # a large one, for gradients of ordinary size
    plain, quick = Gan3d(shape, compute="plain").double(), Gan3d(shape).double()
    quick.load_state_dict(plain.state_dict())
    return plain, quick


def inputs(shape, showers=2, dtype=torch.float64):
    """Make noise, energies and, where they belong, angles."""
    torch.manual_seed(1)
    noise = torch.randn(showers, shape.noise, dtype=dtype)
    energy = 0.1 + 4.9 * torch.rand(showers, dtype=dtype)
    return noise, energy, 1 + torch.rand(showers, dtype=dtype) if shape.angle else None
