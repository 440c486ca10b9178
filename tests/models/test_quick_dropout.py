"""Dropout of few random numbers: the right share, each value by itself, an exact mean, its own gradient."""

from __future__ import annotations

import pytest
import torch

from raysearch.models.quick_dropout import quick_dropout


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_the_share_is_dropped_and_the_mean_stays(share: float) -> None:
    torch.manual_seed(1)
    n = 400_001  # no multiple of four
    found = quick_dropout(torch.ones(n), share, training=True)
    kept = found[found != 0]
    assert len(kept) / n == pytest.approx(1 - share, abs=4 * 0.5 / n**0.5)
    torch.testing.assert_close(kept, torch.full_like(kept, 1 / (1 - share)), rtol=1e-4, atol=0)


def test_values_are_dropped_each_by_itself() -> None:
    """Those of one random number of 64 bits too: no two hang together, and all have one share."""
    torch.manual_seed(2)
    lanes = (quick_dropout(torch.ones(100_000, 8), 0.5, training=True) > 0).double()
    correlations = torch.corrcoef(lanes.T) - torch.eye(8)
    assert correlations.abs().max() < 5 / 100_000**0.5
    assert (lanes.mean(0) - 0.5).abs().max() < 5 * 0.5 / 100_000**0.5


def test_gradients_follow_what_was_kept() -> None:
    x = torch.randn(30, 7, dtype=torch.float64, requires_grad=True)
    found = quick_dropout(x, 0.3, training=True)
    found.sum().backward()
    torch.testing.assert_close(found, x.detach() * x.grad)


def test_seeds_repeat_it_and_evaluation_leaves_all() -> None:
    x = torch.randn(50)
    torch.manual_seed(3)
    one, other = (quick_dropout(x, 0.5, training=True) for _ in range(2))
    torch.manual_seed(3)
    assert torch.equal(quick_dropout(x, 0.5, training=True), one)
    assert not torch.equal(one, other)
    assert quick_dropout(x, 0.5, training=False) is x
    assert quick_dropout(x, 0.0, training=True) is x
    assert quick_dropout(x.bfloat16(), 0.5, training=True).dtype == torch.bfloat16
