import numpy as np
import pytest
import torch

from raysearch.data.jets.frames import Frame
from raysearch.data.jets.images import cells_of_constituents, cells_of_images, rasterise
from raysearch.data.jets.layout import FEATURES


def constituents(*jets, width=6):
    """Each jet a list of (pT, etarel, phirel)."""
    features = np.zeros((len(jets), width, 16))
    for jet, items in enumerate(jets):
        for place, values in enumerate(items):
            features[jet, place, [FEATURES.index(name) for name in ("j1_pt", "j1_etarel", "j1_phirel")]] = (
                values
            )
    return features


def drawn(cells):
    return rasterise(*map(torch.from_numpy, cells))[:, 0]


@pytest.mark.parametrize(("frame", "half"), [(Frame.public, 1.0), (Frame.first, 0.8)])
def test_an_image_is_the_one_written_by_hand(frame, half):
    cell = half / 50
    features = constituents(
        [
            (100, 0.0, 0.0),
            (50, 0.06 * cell, 0.94 * cell),
            (20, -half, half - 1e-4),
            (7, half / 2, -half / 2),
            (3, 1.1 * half, 0.0),
            (2, 0, -1.01 * half),
        ],
        [],
        [(5, -0.06 * cell, cell)],
    )
    by_hand = torch.zeros(3, 100, 100)
    by_hand[0, 50, 50] = 150  # two constituents in the cell above the axis, [0, cell) along both
    by_hand[0, 0, 99] = 20  # the corner of lowest eta and highest phi
    by_hand[0, 75, 25] = 7
    by_hand[2, 49, 51] = 5
    if frame is Frame.public:  # phi along the first axis
        by_hand = by_hand.transpose(1, 2)
    assert torch.equal(drawn(cells_of_constituents(features, frame)), by_hand)


def test_an_image_of_many_constituents_is_the_histogram():
    rng = np.random.default_rng(0)
    features = constituents(
        *[np.stack([rng.exponential(50, 80), *rng.uniform(-1.1, 1.1, (2, 80))], 1) for _ in range(20)],
        width=90,
    )
    images = drawn(cells_of_constituents(features))
    for jet, image in zip(features, images, strict=True):
        columns = jet[:, [FEATURES.index(name) for name in ("j1_phirel", "j1_etarel", "j1_pt")]].T
        bins = np.linspace(-1, 1, 101)
        expected, *_ = np.histogram2d(*columns[:2], bins=(bins, bins), weights=columns[2])
        np.testing.assert_allclose(image, expected, rtol=1e-6)


def test_stored_images_come_back_as_they_were():
    images = np.zeros((3, 100, 100), np.float32)
    images[0, 3, 4], images[0, 99, 99], images[2, 0, 0] = 1.5, 2.5, 3.5
    cells, values = cells_of_images(images, 4)
    assert cells.dtype == np.int32
    assert values.dtype == np.float32
    assert cells.shape == (3, 4)
    np.testing.assert_array_equal(drawn((cells, values)), images)


@pytest.mark.parametrize("jets", [[[]], [[(1, 5.0, 5.0)]]])
def test_a_jet_without_a_constituent_inside_is_an_empty_image(jets):
    assert not drawn(cells_of_constituents(constituents(*jets))).any()
