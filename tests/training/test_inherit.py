"""What a run takes over from the one it goes on from."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from test_by_evolution import order as evolved_order
from torch import nn

from raysearch.errors import WeightsGoneError
from raysearch.training.attempt import attempt_run
from raysearch.training.checkpoint import load_checkpoint
from raysearch.training.inherit import copy_common, inherit
from raysearch.training.order import EpochReport, Order, Outcome
from raysearch.training.workers import OneWorker


def order(folder: Path, **changes: object) -> Order:
    plain = {
        "strategy": None,
        "evolution": {},
        "breeds": True,
        "settings": {"learning_rate": 0.03, "width": 8},
    }
    evolved = evolved_order(folder, "one-plus-lambda")
    return dataclasses.replace(evolved, **{**plain, **changes})  # type: ignore[arg-type]


def run(what: Order) -> tuple[Outcome, list[EpochReport]]:
    reports: list[EpochReport] = []
    return attempt_run(what, OneWorker(), reports.append), reports


def child_of(parent: Outcome, folder: Path, **changes: object) -> Order:
    more = {"trial": 1, "parent": parent.weights, "parent_sha256": parent.weights_sha256, **changes}
    return order(folder, **more)


def test_weights_that_fit_are_taken_and_the_rest_stays(tmp_path: Path) -> None:
    parent, _ = run(order(tmp_path))
    content = load_checkpoint(tmp_path / parent.weights)
    assert content is not None
    theirs = content["model"]
    for width in (5, 8, 12):
        model = nn.Sequential(nn.Linear(1, width), nn.ReLU(), nn.Linear(width, 1))
        fresh = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        state = inherit(child_of(parent, tmp_path), model)
        common = min(width, 8)
        assert torch.equal(model[0].weight[:common], theirs["0.weight"][:common])
        assert torch.equal(model[2].weight[:, :common], theirs["2.weight"][:, :common])
        assert torch.equal(model[0].weight[common:], fresh["0.weight"][common:])
        assert ("optimizers" in state) == (width == 8)  # an optimiser's moments go with all weights or none


def test_the_middle_of_a_kernel_is_inherited_so_that_its_map_does_not_move() -> None:
    small, large = torch.ones(2, 1, 3, 3), torch.zeros(3, 1, 5, 5)
    copy_common(large, small)
    assert torch.equal(large[:2, 0, 1:4, 1:4], torch.ones(2, 3, 3))
    assert large.sum() == small.sum()
    back = torch.zeros(2, 1, 3, 3)
    copy_common(back, large)
    assert torch.equal(back, small)


def test_a_child_begins_where_its_parent_was_best(tmp_path: Path) -> None:
    parent, reports = run(order(tmp_path, epochs=20))
    _, goes_on = run(child_of(parent, tmp_path, epochs=1))
    assert goes_on[0].metrics["val_loss"] < 2 * reports[-1].metrics["val_loss"]
    assert goes_on[0].metrics["val_loss"] < reports[0].metrics["val_loss"] / 2


def test_moments_are_kept_and_the_learning_rate_is_the_childs(tmp_path: Path) -> None:
    """With a rate of next to nothing the weights stay, whatever the parent's rate was."""
    parent, _ = run(order(tmp_path))
    still, _ = run(child_of(parent, tmp_path, epochs=1, settings={"learning_rate": 1e-12, "width": 8}))
    before, after = (load_checkpoint(tmp_path / each.weights) for each in (parent, still))
    assert before is not None
    assert after is not None
    assert (
        after["optimizers"]["loss"]["state"][0]["step"]
        == before["optimizers"]["loss"]["state"][0]["step"] + 4
    )
    for name, tensor in before["model"].items():
        torch.testing.assert_close(after["model"][name], tensor, rtol=1e-5, atol=1e-7)


def test_a_killed_child_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    parent, _ = run(order(tmp_path))
    straight, _ = run(child_of(parent, tmp_path))

    class Killed(BaseException):
        pass

    def kill(report: EpochReport) -> None:
        if report.epoch == 2:
            raise Killed

    with pytest.raises(Killed):
        attempt_run(child_of(parent, tmp_path, trial=2), OneWorker(), kill)
    resumed, _ = run(child_of(parent, tmp_path, trial=2, attempt=2))
    assert resumed.weights_sha256 == straight.weights_sha256


def test_a_parent_that_is_gone_is_told(tmp_path: Path) -> None:
    parent, _ = run(order(tmp_path))
    (tmp_path / parent.weights).unlink()
    # Not a failed run: that would be written down of settings that are not to blame.
    with pytest.raises(WeightsGoneError, match="the run goes on from it"):
        run(child_of(parent, tmp_path))
