"""Classification metrics against brute force, by hand and by their properties."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from raysearch.errors import InputError
from raysearch.metrics.classification import (
    accuracy,
    auc,
    one_vs_rest_auc,
    published_fpr,
    read_tpr,
)
from raysearch.metrics.rejection import background_rejection


def roc_curve(scores, is_signal):
    """A point for each distinct score, as the report has it."""
    fpr, tpr, _ = metrics.roc_curve(is_signal, scores, drop_intermediate=False)
    return fpr, tpr


SCORES = [0.9, 0.8, 0.8, 0.7, 0.3, 0.1]
SIGNAL = [1, 1, 0, 0, 1, 0]  # curve: (0,0) (0,1/3) (1/3,2/3) (2/3,2/3) (2/3,1) (1,1)


def pairs_in_order(scores, is_signal):
    """Count (signal, background) pairs, ties half."""
    signal = [s for s, truth in zip(scores, is_signal, strict=True) if truth]
    background = [s for s, truth in zip(scores, is_signal, strict=True) if not truth]
    right = sum((s > b) + 0.5 * (s == b) for s in signal for b in background)
    return right / (len(signal) * len(background))


@st.composite
def scored_events(draw):
    events = draw(st.lists(st.tuples(st.integers(-5, 5), st.booleans()), min_size=2, max_size=60))
    scores, truths = map(list, zip(*events, strict=True))
    truths[0], truths[-1] = True, False
    return np.array(scores, dtype=float), np.array(truths)


def test_equal_scores_are_one_straight_line():
    assert auc([1, 1, 1, 1], [1, 0, 0, 1]) == 0.5


@given(scored_events())
def test_auc_counts_pairs(events):
    assert auc(*events) == pytest.approx(pairs_in_order(*events), abs=1e-15)


@given(scored_events())
def test_auc_is_the_area_below_the_curve(events):
    fpr, tpr = roc_curve(*events)
    assert np.trapezoid(tpr, fpr) == pytest.approx(auc(*events))


@given(scored_events(), st.randoms())
def test_order_of_events_and_growing_maps_change_nothing(events, random):
    scores, is_signal = events
    order = list(range(len(scores)))
    random.shuffle(order)
    assert auc(np.exp(scores[order]) - 7, is_signal[order]) == auc(scores, is_signal)
    assert auc(-scores, is_signal) == pytest.approx(1 - auc(scores, is_signal))


@pytest.mark.parametrize(
    ("fpr", "tpr"),
    [(0, 1 / 3), (1 / 6, 1 / 2), (1 / 3, 2 / 3), (0.5, 2 / 3), (2 / 3, 1), (0.9, 1), (1, 1)],
)
def test_a_rate_lies_on_the_curve(fpr, tpr):
    assert read_tpr(*roc_curve(SCORES, SIGNAL), fpr) == pytest.approx(tpr)


def test_a_rate_is_not_read_off_a_coarse_grid():
    # Binormal scores, one sigma apart: TPR at FPR 10 % is Phi(1 - 1.2816), 0.3891; at 11.4 % it is 0.418.
    rng = np.random.default_rng(0)
    scores = np.concatenate([rng.normal(1, 1, 200_000), rng.normal(0, 1, 200_000)])
    is_signal = np.arange(400_000) < 200_000
    assert read_tpr(*roc_curve(scores, is_signal), 0.1) == pytest.approx(0.3891, abs=0.004)


def test_rejection_by_hand():
    rng = np.random.default_rng(1)
    signal = 1 + rng.random(1000)
    background = np.concatenate([np.full(20, 3.0), np.zeros(1980)])
    scores, is_signal = np.concatenate([signal, background]), np.arange(3000) < 1000
    found = background_rejection(scores, is_signal, 0.3)
    assert (found.value, found.n_passed, found.n_background) == (100, 20, 2000)
    assert found.signal_efficiency == 0.3
    assert found.error == pytest.approx(100 * math.sqrt(0.99 / 20))
    assert found.lower_limit == pytest.approx(2000 / 28.997, rel=2e-4)  # Clopper-Pearson, beta quantile


def test_rejection_of_all_background_has_a_limit():
    found = background_rejection([3, 2, *[0] * 1000], [1, 1, *[0] * 1000], 0.5)
    assert (found.value, found.error, found.n_passed) == (math.inf, math.inf, 0)
    assert found.lower_limit == pytest.approx(1 / (1 - 0.05**0.001))  # about 1000 / 3


def test_rejection_takes_the_tightest_cut_that_keeps_enough():
    found = background_rejection(SCORES, SIGNAL, 0.5)
    assert found.signal_efficiency == pytest.approx(2 / 3)
    assert found.n_passed == 1
    assert background_rejection(SCORES, SIGNAL, 1.0).n_passed == 2


@given(scored_events(), st.floats(0.01, 1))
def test_rejection_agrees_with_a_scan_of_all_cuts(events, efficiency):
    scores, is_signal = events
    found = background_rejection(scores, is_signal, efficiency)
    kept = [cut for cut in set(scores) if np.mean(scores[is_signal] >= cut) >= efficiency]
    assert found.n_passed == np.count_nonzero(scores[~is_signal] >= max(kept))
    assert found.lower_limit <= found.value


@given(st.integers(1, 400), st.data())
def test_lower_limit_has_the_stated_confidence(n_background, data):
    n_passed = data.draw(st.integers(0, n_background - 1))
    scores = [1.0] + [2.0] * n_passed + [0.0] * (n_background - n_passed)
    found = background_rejection(scores, [1] + [0] * n_background, 1.0)
    p = 1 / found.lower_limit
    chance = sum(
        math.comb(n_background, k) * p**k * (1 - p) ** (n_background - k) for k in range(n_passed + 1)
    )
    assert chance == pytest.approx(0.05, rel=1e-6)


def test_accuracy_by_hand():
    probabilities = [[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.4, 0.4, 0.2], [0.1, 0.1, 0.8]]
    labels = [0, 0, 1, 2]
    assert accuracy(probabilities, labels) == 0.5


@given(st.integers(0, 2**32 - 1))
def test_one_vs_rest_takes_each_column_against_all_others(seed):
    rng = np.random.default_rng(seed)
    probabilities = rng.integers(0, 4, (40, 3)) / 4  # with ties
    labels = np.append([0, 1, 2], rng.integers(0, 3, 37))
    expected = [pairs_in_order(probabilities[:, k], labels == k) for k in range(3)]
    assert one_vs_rest_auc(probabilities, labels) == pytest.approx(expected)


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_not_finite_are_refused_with_their_place(wrong):
    scores = [0.5, 0.2, wrong, 0.3]
    with pytest.raises(InputError, match=r"scores: 1 of 4 are not finite, the first at \[2\]"):
        auc(scores, [1, 0, 1, 0])
    rows = [[0.5, 0.5], [wrong, 0.5]]
    for function in (accuracy, one_vs_rest_auc):
        with pytest.raises(InputError, match=r"probabilities: 1 of 4 are not finite, the first at \[1, 0\]"):
            function(rows, [0, 1])


def test_absent_classes_are_named():
    with pytest.raises(InputError, match="no signal"):
        auc([0.1, 0.2], [0, 0])
    with pytest.raises(InputError, match="no background"):
        auc([0.1, 0.2], [1, 1])
    with pytest.raises(InputError, match="no signal\nis_signal: no background"):
        auc([], [])
    with pytest.raises(InputError) as caught:
        one_vs_rest_auc(np.full((3, 4), 0.25), [0, 2, 2])
    assert caught.value.problems == (
        "labels: class 1 of 4 has no events",
        "labels: class 3 of 4 has no events",
    )


@pytest.mark.parametrize("labels", [[0, 1, 3], [0, 1, -1], [0, 1, 0.5], [0, 1], [[0, 1, 2]]])
def test_wrong_labels_are_refused(labels):
    for function in (accuracy, one_vs_rest_auc):
        with pytest.raises(InputError, match="labels"):
            function(np.full((3, 3), 1 / 3), labels)


def test_other_wrong_input_is_refused():
    with pytest.raises(InputError, match="one shape"):
        auc([0.1, 0.2, 0.3], [0, 1])
    with pytest.raises(InputError, match="true or false"):
        auc([0.1, 0.2, 0.3], [0, 1, 2])
    with pytest.raises(InputError, match="at least 1"):
        accuracy(np.zeros((0, 3)), [])
    with pytest.raises(InputError, match=r"fpr: needs a number in \[0, 1\]"):
        read_tpr(*roc_curve(SCORES, SIGNAL), 1.1)
    with pytest.raises(InputError, match="above 0"):
        background_rejection(SCORES, SIGNAL, 0)


def test_published_rates_are_read_at_the_grid_point_above():
    """As arXiv:1908.05318 does: 50 points from 0.0005 to 1, the first at or above the rate it names."""
    grid = [0.0005 * (1 / 0.0005) ** (place / 49) for place in range(50)]
    for fpr, read in ((0.1, 0.1140), (0.01, 0.0111)):
        assert published_fpr(fpr) == pytest.approx(min(point for point in grid if point >= fpr))
        assert published_fpr(fpr) == pytest.approx(read, abs=5e-5)
    assert published_fpr(1.0) == 1.0
    assert published_fpr(0.0) == pytest.approx(0.0005)
    with pytest.raises(InputError, match="fpr"):
        published_fpr(1.1)


def test_a_rate_read_as_published_is_higher_than_the_exact_one():
    rng = np.random.default_rng(5)
    is_signal = np.arange(4000) < 800
    curve = roc_curve(rng.normal(is_signal * 1.5, 1.0), is_signal)
    exact, published = read_tpr(*curve, 0.1), read_tpr(*curve, published_fpr(0.1))
    assert 0.01 < published - exact < 0.05
