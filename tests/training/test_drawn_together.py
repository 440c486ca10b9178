"""Mutations drawn at once have the bits of those drawn singly."""

import shutil

import numpy as np
import pytest

from raysearch.evolve.mutation import GaussianMutation, PointMutation
from raysearch.evolve.strata import numbers_of
from raysearch.models.kernels import build
from raysearch.training import drawn_together
from raysearch.training.drawn_together import DrawnTogether

needs_compiler = pytest.mark.skipif(
    not any(map(shutil.which, build.COMPILERS)), reason="no C++ compiler here"
)
SEEDS = [0, 1, 2**64 - 1, *numbers_of(np.array([1], np.uint64), 400)[0].tolist()]


class Watched(PointMutation):
    """Counts the seeds that are drawn singly."""

    singly = 0

    def draw(self, seed, n):
        Watched.singly += 1
        return super().draw(seed, n)


@needs_compiler
@pytest.mark.parametrize(("rate", "n"), [(0.01, 10161), (0.3, 57), (1e-4, 300), (0.999, 100), (0.5, 1)])
def test_steps_have_the_same_bits_together_and_alone(rate, n):
    Watched.singly = 0
    mutation = Watched(rate, 0.27)
    together = DrawnTogether(mutation)
    together.prepare(SEEDS, n)
    drawn = [together.draw(seed, n) for seed in SEEDS]
    assert Watched.singly == 0  # or nothing would be compared
    for seed, found in zip(SEEDS, drawn, strict=True):
        alone = mutation.draw(seed, n)
        assert np.array_equal(found.places, alone.places)
        assert found.deltas.tobytes() == alone.deltas.tobytes()
        assert (found.places.dtype, found.deltas.dtype) == (np.int64, np.float32)


@needs_compiler
def test_a_step_that_needs_more_gaps_is_drawn_singly(monkeypatch):
    """Three in ten million; here about half of them, by fewer gaps than a step takes on average."""
    mutation = Watched(0.1, 1.0)
    expected = [mutation.draw(seed, 200).places for seed in SEEDS]
    monkeypatch.setattr(PointMutation, "gaps", lambda self, n: max(1, int(n * self.rate)))
    Watched.singly = 0
    together = DrawnTogether(mutation)
    together.prepare(SEEDS, 200)
    for seed, places in zip(SEEDS, expected, strict=True):
        assert np.array_equal(together.draw(seed, 200).places, places)
    assert 50 < Watched.singly < len(SEEDS) - 50


def test_without_a_kernel_and_for_other_mutations_steps_are_drawn_singly(monkeypatch):
    gaussian = DrawnTogether(GaussianMutation(0.1))
    gaussian.prepare(SEEDS, 50)
    assert np.array_equal(gaussian.draw(5, 50).deltas, GaussianMutation(0.1).draw(5, 50).deltas)
    monkeypatch.setattr(drawn_together.build, "load", lambda *_: None)
    together = DrawnTogether(PointMutation(0.1, 1.0))
    together.prepare(SEEDS, 50)
    assert np.array_equal(together.draw(5, 50).places, PointMutation(0.1, 1.0).draw(5, 50).places)
