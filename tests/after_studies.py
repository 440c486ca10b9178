"""Small studies whose trained trials are taken up: of the toy task, and of taggers of the shipped jets."""

from __future__ import annotations

from pathlib import Path

from cli_runs import Result, raysearch
from toy import TOY_TASK

from raysearch.after.trained import TrainedTrial, load_trained
from raysearch.launch.orders import source_of
from raysearch.ledger.history import read_history
from raysearch.space.space_file import SpaceFile

TOY = """\
task: {task}:Toy
space: {{activation: elu, learning_rate: 0.02, width: {{type: int, low: 14, high: 16}}}}
search: {{sampler: random, trials: 2}}
budget: {{epochs: 3, folds: {folds}}}
seed: 1
"""
JEDINET = """\
task: jedinet
space:
  hidden: {type: int, low: 10, high: 12}
  effect_size: 4
  output_size: 4
  activation_relation: selu
  activation_object: relu
  activation_classifier: elu
  optimizer: adam
  learning_rate: 0.003
  constituents: 8
  standardize: true
search: {sampler: random, trials: 1}
budget: {epochs: 1}
data: {limit: 2000}
seed: 1
"""


def tune(folder: Path, text: str, name: str, *arguments: str) -> Result:
    """Carry a study out in this process."""
    (folder / f"{name}.yaml").write_text(text)
    result = raysearch(folder, "tune", f"{name}.yaml", "--name", name, "--local", *arguments)
    assert result.code == 0, result.err
    return result


def toy_study(folder: Path, name: str = "toy", folds: int = 1) -> Path:
    """Make a study of the toy task; returns its folder."""
    tune(folder, TOY.format(task=TOY_TASK, folds=folds), name)
    return folder / "runs" / name


def load(folder: Path, which: str = "best") -> TrainedTrial:
    """Take a trial up."""
    history = read_history(folder)
    return load_trained(
        folder, history, which, source_of(SpaceFile.model_validate(history.created.space_file))
    )
