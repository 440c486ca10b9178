"""A space's settings find their reader, and what no reader takes is told before anything starts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from toy import TOY_TASK

from raysearch.errors import InputError
from raysearch.launch.begin import create_study
from raysearch.launch.carry_out import carry_out
from raysearch.launch.local_executor import LocalExecutor
from raysearch.launch.points import points_of
from raysearch.launch.prepare import prepare
from raysearch.space.space_file import read_space_file
from raysearch.training.settings import BY_GRADIENT, Way, divide

EVOLVED = Path(__file__).parents[2] / "searchspaces/calo-regressor-ga.yaml"
OWN = f"""
import sys
from dataclasses import dataclass
sys.path.insert(0, {str(TOY_TASK.parent)!r})
from toy_task import Toy, ToySettings

@dataclass(frozen=True)
class Settings(ToySettings):
    precision: int = 3

class Own(Toy):
    Settings = Settings

class Only32(Toy):
    def loss(self, model, batch):
        hidden = model[0](batch[0])
        assert str(hidden.dtype) != "torch.float16", "my kernel takes no float16"
        return super().loss(model, batch)
"""


def test_each_setting_goes_to_its_reader() -> None:
    settings = {"width": 3, "sigma": 0.1, "precision": "bfloat16"}
    divided = divide(BY_GRADIENT, settings)
    assert (divided.task, divided.evolution) == ({"width": 3, "sigma": 0.1}, {})
    assert divided.precision == "bfloat16"
    assert divide(Way("one-plus-lambda"), {"width": 3, "rate": 0.1}).evolution == {"rate": 0.1}
    assert divide(Way("one-plus-lambda"), {"width": 3, "rate": 0.1}).task == {"width": 3}
    assert divide(BY_GRADIENT, {"width": 3}).precision == "float32"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (
            "bfloat",
            "got 'bfloat'. Did you mean 'bfloat16'?",
        ),
        ("16", "got 16."),
        (
            "{type: choice, values: [float32, half]}",
            "got 'half'.",
        ),
    ],
)
def test_another_precision_is_refused(toy_space: Path, tmp_path: Path, value: str, told: str) -> None:
    with pytest.raises(InputError) as caught:
        prepare(read_space_file(toy_space, [f"space.precision={value}"]), tmp_path)
    assert caught.value.problems == (f"space.precision: needs one of float32, bfloat16, float16, {told}",)


def test_evolution_computes_in_float32(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        prepare(read_space_file(EVOLVED, ["space.precision=bfloat16"]), tmp_path)
    assert caught.value.problems == (
        "space.precision: evolution computes in float32, got 'bfloat16'; leave it out",
    )


GATED = f"""
import sys
from dataclasses import dataclass
sys.path.insert(0, {str(Path(TOY_TASK).parent)!r})
from toy_task import Toy, ToySettings


@dataclass(frozen=True)
class Settings(ToySettings):
    gate: str = "closed"
    extra: int = 0


class Gated(Toy):
    Settings = Settings

    def step(self, descent, batch):
        if descent.settings.gate == "open":
            assert descent.settings.extra == 0, "stuck"
        super().step(descent, batch)
"""


def own_task(folder: Path, name: str) -> str:
    (folder / "own.py").write_text(OWN)
    return f"task={folder}/own.py:{name}"


def test_a_task_with_a_setting_of_that_name_is_told(toy_space: Path, tmp_path: Path) -> None:
    task = own_task(tmp_path, "Own")
    with pytest.raises(InputError, match="has a setting of that name, which is training's; rename it"):
        prepare(read_space_file(toy_space, [task, "space.precision=bfloat16"]), tmp_path)
    prepare(read_space_file(toy_space, [task]), tmp_path)


def test_every_precision_of_the_space_is_rehearsed(toy_space: Path, tmp_path: Path) -> None:
    task = own_task(tmp_path, "Only32")
    choice = "space.precision={type: choice, values: [float32, bfloat16, float16]}"
    with pytest.raises(InputError, match=r"in float16, with .*: AssertionError: my kernel takes no float16"):
        prepare(read_space_file(toy_space, [task, choice]), tmp_path)
    prepare(read_space_file(toy_space, [task, choice.replace(", float16", "")]), tmp_path)


def test_the_corner_that_a_step_fails_at_is_named(toy_space: Path, tmp_path: Path) -> None:
    file = tmp_path / "gated.py"
    file.write_text(GATED)
    gate = "space.gate={type: choice, values: [closed, open]}"
    wishes = [f"task={file}:Gated", gate, "space.extra=1"]
    files = (read_space_file(toy_space, [*wishes, f"seed={seed}"]) for seed in range(20))
    space_file = next(each for each in files if points_of(each, "s").drawn["gate"] == "closed")
    with pytest.raises(InputError, match=r"takes the data with .*'gate': 'open'.*: AssertionError: stuck"):
        prepare(space_file, tmp_path)


def test_it_can_be_searched_and_old_studies_keep_their_identity(toy_space: Path, tmp_path: Path) -> None:
    plain = read_space_file(toy_space)
    choice = "space.precision={type: choice, values: [float32, bfloat16]}"
    searched = read_space_file(toy_space, [choice])
    held = read_space_file(toy_space, ["space.precision=bfloat16"])
    assert len({each.identity for each in (plain, searched, held)}) == 3
    assert '"precision"' not in json.dumps(plain.model_dump(mode="json"))  # what an identity is made from
    folder = tmp_path / "s"
    executor = LocalExecutor(searched.resources)
    with create_study(prepare(searched, tmp_path), folder, executor.slots) as ledger:
        trials = carry_out(ledger, executor, lambda *_: None, lambda _: None).trials
    assert {trial.settings["precision"] for trial in trials} == {"float32", "bfloat16"}
    assert all(trial.state == "finished" for trial in trials)
