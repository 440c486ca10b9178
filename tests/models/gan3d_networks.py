"""Networks of 3DGAN with few filters, in both forms, for tests."""

from dataclasses import replace

import torch

from raysearch.models.gan3d import Gan3d
from raysearch.models.gan3d_published import FIXED_ANGLE, VARIABLE_ANGLE

SMALL = {
    "fixed": FIXED_ANGLE.resized(latent=8, generator_filters=[5, 3, 2], discriminator_filters=[18, 3, 3, 2]),
    "variable": VARIABLE_ANGLE.resized(
        latent=9, generator_filters=[3, 2, 2, 2, 3, 2], discriminator_filters=[3, 2, 2, 4]
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
