"""Each way of getting showers wrong is seen by the metrics that should see it, and right ones by none."""

import numpy as np
import pytest
from toy_showers import SAMPLING, dead_layer, deeper, louder, noisy, sample, toy_cells, uncorrelated, wider

from raysearch.metrics.generation.frechet import kpd
from raysearch.metrics.generation.itself import beside_itself
from raysearch.metrics.generation.two_sample import ClassifierSettings, classifier_auc
from raysearch.metrics.showers.classifier import LowLevel, high_level_inputs
from raysearch.metrics.showers.correlation import correlation_difference
from raysearch.metrics.showers.high_level import high_level
from raysearch.metrics.showers.scalar import sampling_fraction_error, scalar_metric
from raysearch.metrics.showers.separation import separation_powers

N = 1500
QUICK = ClassifierSettings(hidden=32, epochs=15, learning_rate=1e-3)
METRICS = {
    "P": lambda real, made: scalar_metric(real, made).moments,
    "E": lambda real, made: scalar_metric(real, made).profiles,
    "total": lambda real, made: scalar_metric(real, made).total,
    "sampling": lambda real, made: sampling_fraction_error(real, made)[0],
    "correlations": correlation_difference,
    "kpd": lambda real, made: kpd(high_level(real), high_level(made), batch=N, batches=3).value,
    "auc": lambda real, made: classifier_auc(*high_level_inputs(real, made), QUICK).value - 0.5,
    **{
        name: lambda real, made, name=name: separation_powers(real, made)[name]
        for name in (
            "sampling fraction",
            "cell energy",
            "layer energy",
            "sparsity",
            "layer width x",
            "layer width y",
        )
    },
}
SEEN_BY = {
    louder: ("sampling", "sampling fraction", "cell energy"),
    deeper: ("P", "E", "total", "layer energy", "kpd", "auc"),
    wider: ("P", "E", "total", "layer width x", "kpd", "auc"),
    uncorrelated: ("correlations",),
    noisy: ("sparsity", "cell energy", "kpd", "auc"),
    dead_layer: ("E", "total", "layer energy", "sparsity", "kpd", "auc"),
}
NOT_SEEN_BY = {
    louder: ("P", "layer width x", "correlations"),
    wider: ("sampling", "layer width y"),
    uncorrelated: ("P", "sampling", "layer energy", "layer width x", "sparsity"),
    noisy: ("sampling fraction",),
}


@pytest.fixture(scope="module")
def showers():
    """Three samples of cells from one origin, with their features: real, other real, and to be spoilt."""
    found = [toy_cells(N, seed) for seed in (1, 2, 3)]
    return [(cells, energy, sample(cells, energy)) for cells, energy in found]


@pytest.fixture(scope="module")
def floors(showers):
    """Of each metric, how it varies between samples of one origin."""
    (_, _, real), (_, _, other), (_, _, third) = showers
    pairs = ((real, other), (other, third), (real, third))
    return {name: [metric(*pair) for pair in pairs] for name, metric in METRICS.items()}


@pytest.fixture(scope="module", params=list(SEEN_BY), ids=lambda how: how.__name__)
def spoilt(request, showers):
    cells, energy, _ = showers[2]
    return request.param, sample(request.param(cells, energy, np.random.default_rng(5)), energy)


def test_simulation_against_itself_is_at_the_floor(floors):
    assert max(map(abs, floors["auc"])) < 0.08
    assert max(map(abs, floors["kpd"])) < 1e-3
    for name in ("sampling fraction", "cell energy", "layer energy", "sparsity", "layer width x"):
        assert max(floors[name]) < 0.02, name
    assert max(floors["sampling"]) < 0.015
    assert max(floors["total"]) < 0.12


def test_each_fault_is_seen_by_the_metrics_that_should_see_it_and_by_no_other(spoilt, showers, floors):
    fault, made = spoilt
    real = showers[0][2]
    values = {name: METRICS[name](real, made) for name in (*SEEN_BY[fault], *NOT_SEEN_BY.get(fault, ()))}
    ratios = {name: value / max(map(abs, floors[name])) for name, value in values.items()}
    assert min(ratios[name] for name in SEEN_BY[fault]) > 1.4, ratios
    assert max([ratios[name] for name in NOT_SEEN_BY.get(fault, ())], default=0) < 1.3, ratios


def test_a_low_level_classifier_sees_a_dead_layer_and_nothing_between_two_right_samples(showers):
    (cells, energy, real), (other_cells, other_energy, _), _ = showers
    sampling = real.sampling_fraction.mean()
    first, right = LowLevel(cells, energy, sampling), LowLevel(other_cells, other_energy, sampling)
    dead = LowLevel(dead_layer(other_cells, other_energy, None), other_energy, sampling)
    assert abs(classifier_auc(first, right, QUICK).value - 0.5) < 0.08
    assert classifier_auc(first, dead, QUICK).value > 0.95


def test_beside_itself_gives_both_values_at_one_size(showers):
    real = showers[0][2]
    made = sample(louder(*showers[2][:2], None), showers[2][1])
    seen = []

    def distance(first, second):
        seen.append((len(first), len(second)))
        return METRICS["sampling"](first, second)

    found = beside_itself(distance, real, made, seed=3)
    assert found.n == N // 2
    assert seen == [(N // 2, N // 2)] * 2
    assert found.value > 0.015 > found.itself
    assert beside_itself(distance, real, made, showers[1][2], seed=3).n == N
    assert beside_itself(distance, real, made, seed=3) == found
    assert real.sampling_fraction.mean() == pytest.approx(SAMPLING, rel=0.01)


def test_halves_of_real_rows_have_none_in_common():
    found = beside_itself(lambda a, b: (set(a), set(b)), np.arange(101), np.arange(1000, 1300), seed=1)
    (first, made), (again, second) = found.value, found.itself
    assert first == again
    assert not first & second
    assert len(first) == len(second) == len(made) == found.n == 50
    assert min(made) >= 1000 > max(first | second)
