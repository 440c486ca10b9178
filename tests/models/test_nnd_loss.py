"""The nearest-neighbour distance in its published forms, against sums over all pairs as they are written."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from raysearch.models.nnd_goal import VaeGoal, kl_divergence
from raysearch.models.nnd_loss import FORMS, NndForm, nnd

B, M, N = 3, 7, 5


def clouds(seed: int = 0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Outputs, inputs, and which of them are there; all of the first cloud's, fewer of the others'."""
    chance = torch.Generator().manual_seed(seed)
    made, real = (torch.rand(B, n, 3, generator=chance, dtype=torch.float64) * 9 for n in (M, N))
    there = [torch.arange(n) < torch.tensor([n, n - 1, n - 3])[:, None] for n in (M, N)]
    return made, real, *there


def plain(made: Tensor, real: Tensor, form: NndForm) -> Tensor:
    """One cloud without padding, pair by pair, with everything followed by autograd."""

    def apart(one: Tensor, other: Tensor, features: int) -> Tensor:
        return ((one[:, None, :features] - other[None, :, :features]) ** 2).sum(2).sqrt()

    looked, compared = {"all": (3, 3), "positions": (2, 2), "matched": (2, 3)}[form.features]
    near, of = apart(made, real, looked), apart(made, real, compared)
    of = of**2 if form.squared else of
    total = form.of_outputs * sum(of[i, near[i].argmin()] for i in range(len(made)))
    total = total + form.of_inputs * sum(of[near[:, j].argmin(), j] for j in range(len(real)))
    for i in range(len(made)):
        others = [apart(made[i : i + 1], made[k : k + 1], 2)[0, 0] for k in range(len(made)) if k != i]
        total = total + form.repulsion * torch.exp(-min(others) / form.repulsion_range)
    return total


@pytest.mark.parametrize("features", ["all", "positions", "matched"])
@pytest.mark.parametrize("name", FORMS)
def test_values_and_gradients_are_those_of_sums_over_all_pairs(name: str, features: str) -> None:
    published = FORMS[name]
    form = NndForm(
        of_inputs=published.of_inputs,
        of_outputs=published.of_outputs,
        squared=published.squared,
        features=features,
        repulsion=published.repulsion,
        repulsion_range=published.repulsion_range,
    )
    made, real, made_there, real_there = clouds()
    made.requires_grad_()
    found = nnd(made, real, made_there, real_there, form)
    expected = [plain(made[k][made_there[k]], real[k][real_there[k]], form) for k in range(B)]
    torch.testing.assert_close(found, torch.stack(expected))
    ours, theirs = (torch.autograd.grad(sum(each), made)[0] for each in (found, expected))
    torch.testing.assert_close(ours, theirs)


def test_equation_one_by_hand() -> None:
    made = torch.tensor([[[0.0, 0, 0], [3, 4, 0]]])
    real = torch.tensor([[[0.0, 0, 0], [0, 0, 2]]])
    there = torch.ones(1, 2, dtype=torch.bool)
    # Outputs: 0 to the first input, 5 to it; inputs: 0, and 2 to the first output.
    values = {"equation": 7, "oei": 5, "ieo": 2, "sym": 3.5, "superpixels": 29, "jets": 29}
    for name, value in values.items():
        assert nnd(made, real, there, there, FORMS[name]).item() == pytest.approx(value), name
    only_positions = NndForm(features="positions")
    assert nnd(made, real, there, there, only_positions).item() == pytest.approx(5)


def test_outputs_that_clump_are_driven_apart_by_repulsion_alone() -> None:
    real = torch.tensor([[[0.0, 0, 1], [9, 9, 1]]])
    made = torch.tensor([[[0.1, 0, 1], [0.0, 0.1, 1]]], requires_grad=True)
    there = torch.ones(1, 2, dtype=torch.bool)
    (pulled,) = torch.autograd.grad(nnd(made, real, there, there, FORMS["oei"]).sum(), made)
    (pushed,) = torch.autograd.grad(nnd(made, real, there, there, FORMS["oei_repulsion"]).sum(), made)
    assert pulled[0, 0, 0] > 0  # a step down goes to the input at 0
    assert pushed[0, 0, 0] < pulled[0, 0, 0]


def test_a_lone_output_is_not_repelled_and_coinciding_points_have_a_gradient() -> None:
    made = torch.zeros(1, 3, 3, requires_grad=True)
    there = torch.tensor([[True, False, False]])
    loss = nnd(made, torch.zeros(1, 3, 3), there, there, FORMS["oei_repulsion"])
    assert loss.item() == 0
    (gradient,) = torch.autograd.grad(loss.sum(), made)
    assert gradient.isfinite().all()


def test_clouds_without_points_have_no_loss() -> None:
    made, real, _, _ = clouds()
    nobody = [torch.zeros(B, n, dtype=torch.bool) for n in (M, N)]
    assert nnd(made, real, *nobody, FORMS["oei_repulsion"]).tolist() == [0, 0, 0]


def test_kl_divergence_is_that_of_gaussians() -> None:
    mean = torch.randn(4, 6, generator=torch.Generator().manual_seed(0))
    log_variance = torch.full_like(mean, 0.7)
    ours = torch.distributions.Normal(mean, (log_variance / 2).exp())
    unit = torch.distributions.Normal(torch.zeros_like(mean), torch.ones_like(mean))
    expected = torch.distributions.kl_divergence(ours, unit).sum(1)
    torch.testing.assert_close(kl_divergence(mean, log_variance), expected)


def test_the_kl_divergence_warms_up() -> None:
    goal = VaeGoal(form=NndForm(), kl_share=0.2, warmup_epochs=10, alpha=2.0, gamma=3.0)
    one = torch.ones(4)
    totals = [goal.total(one, one, 10 * one, progress).item() for progress in (0, 5, 10, math.inf)]
    assert totals == pytest.approx([4, 5, 6, 6])  # 0.8 (2 + 3), and 0.2 x 10 when it is warm
