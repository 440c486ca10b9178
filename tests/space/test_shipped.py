"""Every space file that ships is right, and its task can do one step with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from raysearch.errors import InputError
from raysearch.launch.points import points_of
from raysearch.launch.prepare import prepare
from raysearch.space.series import read_members
from raysearch.space.space_file import read_space_file
from raysearch.space.variants import variants_of
from raysearch.space.yaml_file import read_yaml

FOLDER = Path(__file__).parents[2] / "searchspaces"
SHIPPED = sorted(FOLDER.glob("*.yaml"))
LARGE = {"gan3d", "hits-binning", "hits-condensation", "hits-dgcnn", "hits-gravnet"}
REPEATED = {"calo-figure3"}  # the variants of calo-regressor at given settings


def test_there_are_some() -> None:
    assert "jedinet" in [path.stem for path in SHIPPED]


def _rehearsed(path: Path) -> Any:
    """Large networks take many seconds; their contract tests carry out a small one each time."""
    return pytest.param(path, id=path.stem, marks=pytest.mark.slow if path.stem in LARGE | REPEATED else ())


@pytest.mark.parametrize("path", [_rehearsed(path) for path in SHIPPED])
def test_it_rehearses(path: Path, tmp_path: Path) -> None:
    variants = variants_of(read_yaml(path)) or [None]
    for variant in variants:
        member = next(
            iter(read_members(path, variants=variant and [variant]).values())
        )  # of combinations one
        prepared = prepare(member, tmp_path)
    assert next(iter(prepared.rehearsal.objectives)).startswith("val_")
    assert prepared.space_file.description
    physics = prepared.space_file.demonstration_of
    assert physics is None or (FOLDER / f"{physics}.yaml").is_file()
    assert str(Path.home()) not in path.read_text(encoding="utf-8"), "no path of one machine"


def test_a_setting_that_shapes_the_data_is_searched_like_others(tmp_path: Path) -> None:
    path = next(path for path in SHIPPED if path.stem == "jedinet")
    searched = read_space_file(path, ["space.constituents={type: int, low: 5, high: 9}"])
    assert {5, 9} <= {point["constituents"] for point in points_of(searched, "s").corners}
    prepare(searched, tmp_path)


def test_what_belongs_to_some_choice_alone_may_be_held_beside_a_search_over_it(tmp_path: Path) -> None:
    path = next(path for path in SHIPPED if path.stem == "jedinet")
    of_cosine = "space.decay_epochs=6"
    searched = read_space_file(
        path, ["space.schedule={type: choice, values: [none, cosine]}", of_cosine, "seed=2"]
    )
    assert points_of(searched, "s").drawn["schedule"] == "none"  # and so it is not read there
    prepare(searched, tmp_path)
    with pytest.raises(InputError, match=r"space\.decay_epochs: the task never reads this setting"):
        prepare(read_space_file(path, ["space.schedule=none", of_cosine]), tmp_path)
