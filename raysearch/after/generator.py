"""A trained generator as one module of random numbers, to be exported."""

from __future__ import annotations

import torch

from raysearch.after.parity import Compared
from raysearch.after.trained import TrainedTrial
from raysearch.data.conditions import Conditions
from raysearch.data.tensors import TensorData
from raysearch.errors import InputError
from raysearch.tasks.outputs import outputs_of
from raysearch.tasks.task import Task
from raysearch.training.evaluation import generator_on

EXAMPLES = 100  # rows that are made twice and compared


def generator_of(trained: TrainedTrial) -> Compared | None:
    """Take a trial's generator and rows that it makes; None if its task gives none away.

    Raises:
        InputError: the trial has several generators, whose rows have no mean.
    """
    task, models = trained.task, trained.models
    if type(task).generator_alone is Task.generator_alone:
        return None
    if len(models) > 1:
        raise InputError(
            f"task: {type(task).__name__} has {len(models)} generators in this trial, and a mean over what "
            "they make is like none of them; export writes a trial of one, without folds or repeats"
        )
    model = models[0].model
    asked = task.to_generate(Conditions(number=EXAMPLES), trained.settings, trained.history.created.data)
    batch = next(iter(asked.pieces())).batch
    with torch.no_grad():
        alone = task.generator_alone(model, batch, _chance())
        made = outputs_of(task, model, batch, _chance())
    if alone is None:
        return None
    module, inputs = alone
    expected = next(iter(task.written(made, TensorData(batch)).values()))
    return Compared(module.eval(), inputs, torch.from_numpy(expected).double(), "generated rows")


def _chance() -> torch.Generator:
    return generator_on(torch.device("cpu"), 0)
