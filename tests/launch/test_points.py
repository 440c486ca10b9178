"""What of a space is looked at before a study: such points as may be run, and what is a slip of the pen."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from toy import TOY_TASK

from raysearch.errors import InputError
from raysearch.launch.points import gate_of, points_of
from raysearch.launch.prepare import prepare, rehearsed
from raysearch.seeds import generator
from raysearch.space.space_file import SpaceFile, check_document, read_space_file
from raysearch.space.yaml_file import Document
from raysearch.testing.bench import Bench

LATENT = {"type": "int", "low": 1, "high": 16}
WIDTH = {"type": "int", "low": 1, "high": 8}


@pytest.fixture
def task(tmp_path: Path) -> str:
    """One of the test's own, to be edited."""
    return f"{shutil.copy(TOY_TASK.with_name('narrow_task.py'), tmp_path)}:Narrow"


def file_of(task: str, space: dict[str, Any], **more: Any) -> SpaceFile:
    content = {"task": task, "space": space, "search": {"trials": 4}, "budget": {"epochs": 1}, "seed": 1}
    return check_document(Document("space", {**content, **more}))


def test_points_that_are_refused_are_not_looked_at(task: str) -> None:
    space_file = file_of(task, {"width": WIDTH, "latent": LATENT})
    found = points_of(space_file)
    assert found.refused == "space.latent: must not be above width, got 16 and 8"
    assert all(point["latent"] <= point["width"] for point in [found.drawn, *found.corners])
    assert {"width": 1, "latent": 1} in found.corners
    # The high corner is out, so that others have to tell how large models are.
    assert max(point["width"] for point in found.corners) > 4
    rehearsal = rehearsed(space_file)
    assert rehearsal.refused == found.refused
    assert rehearsal.largest_weights_bytes > 4 * (3 * 4 + 1)


def test_the_point_is_the_first_that_is_drawn_where_all_are_allowed(toy_space: Path) -> None:
    space_file = read_space_file(toy_space)
    space = space_file.searched
    found = points_of(space_file)
    assert found.drawn == space.complete(space.sample(generator(1, "rehearsal")))
    assert (found.corners, found.refused) == (space.corners, "")


def test_a_choice_that_can_never_be_tried_is_a_slip_of_the_pen(task: str) -> None:
    wrong = {"type": "choice", "values": ["relu", "tanh"]}
    for space in (
        {"width": WIDTH, "activation": wrong},
        {"width": WIDTH, "latent": LATENT, "activation": wrong},
    ):
        with pytest.raises(InputError, match=r"space.activation: one of relu, elu, got 'tanh'"):
            points_of(file_of(task, space))


@pytest.mark.parametrize("told", ["got {self.latent} and {self.width}", "please"])
def test_an_end_of_a_range_is_a_slip_of_the_pen_if_it_is_refused_by_itself(task: str, told: str) -> None:
    """And not where another value beside it would do, though the space has none, in whatever words."""
    path = Path(task.partition(":")[0])
    path.write_text(path.read_text().replace("got {self.latent} and {self.width}", told))
    with pytest.raises(InputError) as refused:
        points_of(file_of(task, {"width": {**WIDTH, "low": -3}, "latent": {**LATENT, "low": -9}}))
    assert refused.value.problems == ("space.width: needs at least 1, got -3",)
    found = points_of(file_of(task, {"width": WIDTH, "latent": {**LATENT, "high": 900}}))
    assert found.refused.startswith("space.latent: must not be above width, ")
    points_of(file_of(task, {"width": 8, "latent": LATENT}))


def test_a_choice_whose_corners_are_refused_is_looked_at_elsewhere(task: str) -> None:
    acts = {"type": "choice", "values": ["relu", "elu"]}
    found = points_of(
        file_of(task, {"width": {**WIDTH, "low": 2}, "latent": {**LATENT, "low": 2}, "activation": acts})
    )
    assert {"relu", "elu"} == {point["activation"] for point in found.corners}
    assert all(point["width"] <= 3 for point in found.corners if point["activation"] == "elu")


def test_where_nothing_may_be_run_there_is_one_error_before_the_start(task: str, tmp_path: Path) -> None:
    space = {"width": {"type": "int", "low": 1, "high": 3}, "latent": {"type": "int", "low": 4, "high": 9}}
    with pytest.raises(InputError) as told:
        prepare(file_of(task, space), tmp_path / "runs")
    first, second = told.value.problems
    assert first.startswith("space.latent: must not be above width, got ")
    assert second == "space: no point of the space may be run, of 1000 drawn"
    with pytest.raises(InputError) as told:
        prepare(file_of(task, {"width": WIDTH, "activation": "tanh"}), tmp_path / "runs")
    assert told.value.problems == ("space.activation: one of relu, elu, got 'tanh'",)


def test_settings_that_the_user_gives_must_be_such_as_may_be_run(task: str, tmp_path: Path) -> None:
    space = {"width": WIDTH, "latent": LATENT}
    given = [{"width": 4, "latent": 2}, {"width": 2, "latent": 4}, {"width": 8, "latent": 1}]
    search = {"trials": 4, "enqueue": given}
    with pytest.raises(InputError) as told:
        prepare(file_of(task, space, search=search, limits={"parameters": 20}), tmp_path / "runs")
    assert told.value.problems == (
        "search.enqueue.1: space.latent: must not be above width, got 4 and 2",
        "search.enqueue.2: parameters 25 > 20",
    )


def test_settings_that_nobody_reads_are_found_all_the_same(task: str) -> None:
    space = {"width": WIDTH, "latent": LATENT, "trouble": {"type": "choice", "values": ["none", "raises"]}}
    rehearsed(file_of(task, space))
    path = Path(task.partition(":")[0])
    path.write_text(re.sub(".*settings.latent  # read.*", "", path.read_text()))
    with pytest.raises(InputError, match=r"space.latent: the task never reads this setting"):
        rehearsed(file_of(task, space))


def test_weights_above_the_limit_need_no_room(toy_space: Path) -> None:
    plain = rehearsed(read_space_file(toy_space))
    limited = rehearsed(read_space_file(toy_space, ["limits.parameters=20"]))
    assert plain.largest_weights_bytes == 4 * 49
    assert limited.largest_weights_bytes == 4 * 20


def test_a_contract_is_held_at_points_that_the_task_takes(task: str) -> None:
    bench = Bench(file_of(task, {"width": WIDTH, "latent": LATENT}), epochs=2)
    assert all(point["latent"] <= point["width"] for point in [bench.point, *bench.points.corners])
    bench.close()


def test_the_gate_says_why(task: str) -> None:
    gate = gate_of(file_of(task, {"width": WIDTH, "latent": LATENT}, limits={"parameters": 20}))
    assert gate({"width": 4, "latent": 2}) is None
    assert gate({"width": 1, "latent": 2}) == (
        "settings",
        "space.latent: must not be above width, got 2 and 1",
    )
    assert gate({"width": 8, "latent": 2}) == ("limit", "parameters 25 > 20")
