"""A run on several numbers of workers: which studies that makes, and one of them for real."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from toy import TOY_TASK

from raysearch.errors import InputError
from raysearch.library.scale import members_of, scale
from raysearch.library.start import check_fits
from raysearch.space.space_file import SpaceFile, change_space_file

SPACE: dict[str, Any] = {
    "task": f"{TOY_TASK}:Toy",
    "space": {"width": {"type": "int", "low": 1, "high": 16}, "batch_size": 16},
    "search": {"sampler": "random", "trials": 1},
    "budget": {"epochs": 3, "folds": 3},
    "seed": 1,
}
RUN = SpaceFile.model_validate(
    {**SPACE, "space": {"width": {"type": "choice", "values": [4]}, "batch_size": 16}}
)


def layouts(members: dict[str, SpaceFile]) -> dict[str, tuple[int, int, Any]]:
    return {
        name: (each.resources.workers, each.budget.repeats, each.space["batch_size"])
        for name, each in members.items()
    }


def test_weak_scaling_keeps_a_worker_rows_and_strong_scaling_the_batch() -> None:
    members = dict(members_of(RUN, [4, 2], "both", [8]))
    assert layouts(members) == {
        "weak-4": (4, 1, 64), "strong-4": (4, 1, 16), "weak-2": (2, 1, 32), "strong-2": (2, 1, 16),
        "apart-4": (1, 4, 16), "apart-2": (1, 2, 16), "one": (1, 1, 16), "batch-8x": (1, 1, 16),
    }  # fmt: skip
    assert {each.budget.folds for each in members.values()} == {1}
    # in the memory of one worker's batch
    assert {name for name, each in members.items() if "accumulate" in each.space} == {"batch-8x"}
    assert members["batch-8x"].space["accumulate"] == 8


@pytest.mark.parametrize(("kinds", "left_out"), [("weak", "strong-2"), ("strong", "weak-2")])
def test_one_kind_of_scaling_alone(kinds: Any, left_out: str) -> None:
    members = dict(members_of(RUN, [2], kinds, []))
    assert left_out not in members
    assert {"apart-2", "one"} <= set(members)


def test_a_batch_size_that_is_searched_is_scaled_from_its_value() -> None:
    run = change_space_file(RUN, ["space.batch_size={type: choice, values: [8]}"])
    members = dict(members_of(run, [2], "both", []))
    assert members["weak-2"].searched.domains["batch_size"].from_unit(0.5) == 16
    assert members["strong-2"].searched.domains["batch_size"].from_unit(0.5) == 8


@pytest.mark.parametrize(
    "wrong",
    [
        {"workers": [1]},
        {"workers": [0], "batches": [4]},
        {"workers": [0, 2]},
        {"workers": [2], "batches": [1]},
    ],
)
def test_what_scales_nothing_is_refused(wrong: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="whole numbers"):
        scale(SPACE, runs=tmp_path, **wrong)


def test_an_agreement_that_one_worker_has_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="agreement: easgd"):
        scale(
            SPACE, workers=[2], runs=tmp_path, show="nothing", set=["agreement=easgd"], **{"space.width": 4}
        )


def test_members_may_differ_in_their_workers_and_in_no_other_resource(tmp_path: Path) -> None:
    members = dict(members_of(RUN, [2], "both", []))
    check_fits(tmp_path / "s", members)
    members["one"] = change_space_file(members["one"], ["resources.threads=2"])
    with pytest.raises(InputError, match="theirs differ"):
        check_fits(tmp_path / "s", members)


@pytest.mark.ray_cluster
def test_a_run_is_scaled_on_this_machine(tmp_path: Path) -> None:
    series = scale(
        SPACE, workers=[1, 2], kinds="weak", name="s", runs=tmp_path, show="nothing", **{"space.width": 4}
    )
    assert list(series) == ["weak-2", "apart-2", "one"]
    (run,) = series["weak-2"].history.trial("0").runs
    assert all(epoch.timings["averaging_s"] > 0 for epoch in run.epochs.values())
    assert len(series["apart-2"].history.trial("0").runs) == 2
    assert "Projection to 256 workers" in (series.folder / "report" / "report.md").read_text()
