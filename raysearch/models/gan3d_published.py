"""The networks of 3DGAN layer by layer, as published.

The papers (F. Carminati, G. Khattak, S. Vallecorsa et al.: LNCS 11203, doi 10.1007/978-3-030-02465-9_35,
for showers at a fixed angle; Eur. Phys. J. C 82:386 for variable angles) draw the networks; their public
code states them and is followed: svalleco/3Dgan ``EcalEnergyGan.py`` and vlimant/NNLO ``GanModel.py`` for
the fixed angle, and for the variable one the ``AngleArch3dGAN.py`` with seven convolutions of
interTwin-eu/DetectorSim-3DGAN. All is Keras, whose meaning of each layer holds here: see
``gan3d_block.py``.

Parameters as Keras counts them take in batch normalisation's moving means and variances, two a filter,
which are not trained. Fixed angle, generator: dense 630,336; convolutions 147,520, 92,166, 2,598 and 48;
normalisation 256 and 24.
"""

from __future__ import annotations

from raysearch.models.gan3d_shape import Convolution, Gan3dShape

FIXED_ANGLE = Gan3dShape(
    cells=(25, 25, 25),
    angle=False,
    latent=200,
    start=(7, 7, 8, 8),
    generator=(
        Convolution(filters=64, kernel=(6, 6, 8), padding=None),
        Convolution(filters=6, kernel=(6, 5, 8), upsampling=(2, 2, 2), padding=(2, 2, 0)),
        Convolution(filters=6, kernel=(3, 3, 8), upsampling=(2, 2, 3), padding=(1, 0, 3), batch_norm=False),
    ),
    discriminator=(
        Convolution(filters=32, kernel=(5, 5, 5), padding=None, batch_norm=False),
        Convolution(filters=8, kernel=(5, 5, 5), padding=(2, 2, 2)),
        Convolution(filters=8, kernel=(5, 5, 5), padding=(2, 2, 2)),
        Convolution(filters=8, kernel=(5, 5, 5), padding=(1, 1, 1)),
    ),
)
"""25 x 25 x 25 cells, 10 to 510 GeV: generator 872,948 parameters, discriminator 73,450."""

VARIABLE_ANGLE = Gan3dShape(
    cells=(51, 51, 25),
    angle=True,
    latent=256,
    start=(9, 9, 8, 8),
    generator=(
        Convolution(filters=8, kernel=(6, 6, 8), upsampling=(6, 6, 6)),
        *(Convolution(filters=6, kernel=(4, 4, 6), padding=(2, 2, 1)) for _ in range(3)),
        Convolution(filters=6, kernel=(3, 3, 5), padding=(1, 1, 0)),
        Convolution(filters=6, kernel=(3, 3, 3), padding=(1, 1, 0), batch_norm=False),
    ),
    generator_activation="relu",
    last_bias=True,
    discriminator=(
        Convolution(filters=16, kernel=(5, 6, 6), padding=None, batch_norm=False),
        Convolution(filters=8, kernel=(5, 6, 6), padding=(0, 0, 1)),
        Convolution(filters=8, kernel=(5, 6, 6), padding=(0, 0, 1)),
        Convolution(filters=8, kernel=(5, 6, 6)),
    ),
    epsilon=1e-6,
    power=0.85,
)
"""51 x 51 x 25 cells, 2 to 500 GeV, any angle: generator 1,365,047 parameters, discriminator 87,402."""
