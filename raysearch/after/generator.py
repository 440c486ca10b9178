"""A trained generator as one module of random numbers, to be exported."""

from __future__ import annotations

import torch

from raysearch.after.parity import Compared
from raysearch.after.trained import TrainedTrial
from raysearch.data.conditions import Conditions
from raysearch.data.tensors import TensorData
from raysearch.tasks.outputs import outputs_of
from raysearch.tasks.task import Task
from raysearch.training.evaluation import generator_on

EXAMPLES = 100  # rows that are made twice and compared


def generator_of(trained: TrainedTrial) -> Compared | None:
    """Take a trial's generator and rows that it makes; None if its task gives none away.

    Args:
        trained: one model.
    """
    task, fold = trained.task, trained.models[0]
    model = fold.model
    if type(task).generator_alone is Task.generator_alone:
        return None
    described = trained.history.created.data | dict(fold.training_facts)
    asked = task.to_generate(Conditions(number=EXAMPLES), trained.settings, described)
    batch = next(iter(asked.pieces())).batch
    with torch.no_grad():
        module, inputs = task.generator_alone(model, batch, _chance())
        made = outputs_of(task, model, batch, _chance())
    expected = next(iter(task.written(made, TensorData(batch)).values()))
    return Compared(module.eval(), inputs, torch.from_numpy(expected).double(), "generated rows")


def _chance() -> torch.Generator:
    return generator_on(torch.device("cpu"), 0)
