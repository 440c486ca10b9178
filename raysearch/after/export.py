"""Writes a trained trial as one file that other programs read: ONNX, or torch's own exported program.

What is exported takes a task's inputs as they are in the files: standardisation, the mean over folds and, for
a classifier, the softmax are part of it. A file is kept only if it gives the same numbers as the model it
comes from, on real examples of the test part, in batches of more than one size.
"""

from __future__ import annotations

import importlib.util
import logging
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from raysearch import __version__
from raysearch.after.generator import generator_of
from raysearch.after.parity import Compared, largest_difference, sizes_of
from raysearch.after.trained import TrainedTrial
from raysearch.data.tensors import Batch, TensorData
from raysearch.errors import InputError, ResourceError, StorageError, one_of
from raysearch.files import write_durably
from raysearch.tasks.outputs import outputs_of
from raysearch.tasks.task import OUTPUTS, Outputs, Task
from raysearch.training.evaluation import generator_on
from raysearch.training.randomness import load_parts

EXAMPLES = 1000  # of the test part that are compared
VALUES = 150_000  # that are compared: of shares of hits, thousands an event, 36 events in place of 1000
TRACED = 4  # that the graph is drawn from, none of those
EXTRA = ("onnx", "onnxruntime", "onnxscript")


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        path: the file.
        difference: the largest of any output of any example that was compared: of a probability as it is, of
            others over their size, see :func:`~raysearch.after.parity.sizes_of`.
        n_examples: how many were compared.
        input_shapes: of each input, without the batch.
        is_by_size: whether the difference is over the outputs' size.
        examples: what was compared, test examples or generated rows.
    """

    path: Path
    difference: float
    n_examples: int
    input_shapes: tuple[tuple[int, ...], ...]
    is_by_size: bool
    examples: str


class Standalone(nn.Module):
    """Fold models as one: the mean of what they say about inputs that nobody has standardised.

    Args:
        networks: one for each fold, as the task exports it.
        scalings: of the first input, a mean, a standard deviation and whether there is padding; or None.
    """

    def __init__(
        self,
        networks: Sequence[nn.Module],
        scalings: Sequence[tuple[Tensor, Tensor, bool] | None],
    ) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)
        self.padded: list[bool | None] = []
        for number, scaling in enumerate(scalings):
            self.padded.append(None if scaling is None else scaling[2])
            if scaling is not None:
                self.register_buffer(f"mean_{number}", scaling[0])
                self.register_buffer(f"sd_{number}", scaling[1])

    def forward(self, *inputs: Tensor) -> Tensor:
        """Outputs (example, ...), of a classifier probabilities (example, class)."""
        first, *rest = inputs
        total = torch.zeros(())
        for number, network in enumerate(self.networks):
            x = first
            if self.padded[number] is not None:
                # Here and not before: each fold standardises by the mean of its own training part.
                x = (first - getattr(self, f"mean_{number}")) / getattr(self, f"sd_{number}")
            if self.padded[number]:
                # Padding stays zero, as in training, and does not become minus mean over sd.
                x = x * (first != 0).any(dim=-1, keepdim=True).to(x.dtype)
            total = total + network(x, *rest)
        return total / len(self.networks)


def export(trained: TrainedTrial, to: str, out: Path) -> Exported:
    """Export a trial's models and check the file; one of that name is replaced.

    Args:
        trained: the models.
        to: ``onnx`` or ``torch``.
        out: the file to be written.

    Raises:
        InputError: another format, a model that cannot be exported, or several that have no mean.
        ResourceError: the extra ``[export]`` is not installed.
        ParityError: the file gives other numbers than the model; it is not kept.
        StorageError: the file cannot be written.
    """
    if to not in FORMATS:
        raise InputError(f"--to: needs {one_of(list(FORMATS))}, got {to!r}")
    write, read = FORMATS[to]
    if to == "onnx" and (missing := [name for name in EXTRA if importlib.util.find_spec(name) is None]):
        raise ResourceError(f"export to onnx needs {', '.join(missing)}: pip install 'raysearch[export]'")
    if len(trained.models) > 1 and not trained.task.is_averaged:
        raise InputError(
            f"task: {type(trained.task).__name__} has {len(trained.models)} models in this trial, whose "
            "outputs have no mean; export writes a trial of one model, without folds or repeats"
        )
    module, inputs, expected, examples = generator_of(trained) or _applied(trained)
    try:
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as folder:
            temporary = Path(folder) / "model.pt2"  # torch warns of any other suffix, ONNX does not mind
            try:
                with torch.no_grad(), _quietly():
                    write(module, tuple(x[:TRACED].clone() for x in inputs), temporary, _about(trained))
            except OSError:
                raise
            except Exception as error:
                raise InputError(
                    f"{type(trained.models[0].model).__name__} cannot be exported to {to}: "
                    f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"
                ) from error
            sizes = sizes_of(expected)
            difference = largest_difference(read(temporary), inputs, expected, sizes)
            write_durably(out, temporary.read_bytes())
    except OSError as error:
        raise StorageError(f"{out}: cannot be written: {error.strerror or error}") from error
    shapes = tuple(tuple(x.shape[1:]) for x in inputs)
    return Exported(out, difference, len(expected), shapes, is_by_size=sizes is not None, examples=examples)


def _applied(trained: TrainedTrial) -> Compared:
    """Take a trial's models as one, and examples of the test part."""
    raw, expected = _examples(trained)
    inputs = _network_inputs(trained.task, trained.models[0].model, raw)
    return Compared(standalone(trained), inputs, expected, "test examples")


def standalone(trained: TrainedTrial) -> Standalone:
    """Make one module of a trial's models, of plain operations, on inputs as they are in the files."""
    networks = [trained.task.exported(fold.model) for fold in trained.models]
    scalings = [
        None if fold.scaling is None else (fold.scaling.mean, fold.scaling.sd, fold.scaling.padded)
        for fold in trained.models
    ]
    return Standalone(networks, scalings).eval()


def _examples(trained: TrainedTrial) -> tuple[Batch, Tensor]:
    """Examples spread over the test part, not standardised, and what raysearch's own models say of them."""
    total: Tensor | None = None
    raw: Batch = ()
    for fold in trained.models:
        test = load_parts(trained.task, trained.source.of_fold(fold.fold), trained.settings).test
        some = test.every(-(-len(test) // EXAMPLES))
        n_tensors = len(some.rows(torch.arange(1)))
        raw = tuple(some.column(number) for number in range(n_tensors))
        data = TensorData(raw, scaling=fold.scaling)
        with torch.no_grad():
            chance = generator_on(torch.device("cpu"), 0)
            found = outputs_of(trained.task, fold.model, data.rows(torch.arange(len(data))), chance)
        outputs = _told(trained.task, found, data)
        total = outputs if total is None else total + outputs
    assert total is not None  # a trial has a fold at least
    step = -(-total.numel() // VALUES)
    return tuple(x[::step] for x in raw), total[::step] / len(trained.models)


def _told(task: Task[Any], found: Outputs, data: TensorData) -> Tensor:
    """What a user is told of each row (example, ...): the first that `raysearch predict` writes, in float64.

    Raises:
        InputError: the task's outputs are several.
    """
    if set(found) != {OUTPUTS}:
        raise InputError(
            f"task: {type(task).__name__} gives {', '.join(map(repr, found))} for each row; export writes "
            "networks with one output alone"
        )
    return torch.from_numpy(next(iter(task.written(found, data).values()))).double()


def _network_inputs(task: Task[Any], model: nn.Module, batch: Batch) -> tuple[Tensor, ...]:
    """What the network itself is given of a batch, which the task may have turned into something else.

    Raises:
        InputError: the task applies parts of its model, and not the model.
    """
    seen: list[tuple[Tensor, ...]] = []
    with torch.no_grad(), model.register_forward_pre_hook(lambda _, given: seen.append(given)):
        task.predict(model, batch, generator_on(torch.device("cpu"), 0))
    if not seen:
        raise InputError(
            f"task: {type(task).__name__} never calls {type(model).__name__} itself when it predicts, but "
            "parts of it; export writes networks that are called whole"
        )
    return tuple(torch.cat(column) for column in zip(*seen, strict=True))  # a task may go piece by piece


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep to itself what exporters say about their own insides; what counts is whether the numbers agree."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _about(trained: TrainedTrial) -> dict[str, str]:
    """What a reader of the file should know, as text."""
    return {**trained.provenance(), "classes": " ".join(trained.classes), "raysearch": __version__}


def _write_torch(module: nn.Module, inputs: tuple[Tensor, ...], path: Path, about: dict[str, str]) -> None:
    torch.export.save(_program(module, inputs), path, extra_files=about)


def _write_onnx(module: nn.Module, inputs: tuple[Tensor, ...], path: Path, about: dict[str, str]) -> None:
    names = ["input"] if len(inputs) == 1 else [f"input_{number}" for number in range(len(inputs))]
    program = torch.onnx.export(
        _program(module, inputs), inputs, input_names=names, output_names=["output"], verbose=False
    )
    assert program is not None  # it is, with torch's own exporter
    program.model.metadata_props.update(about)
    program.save(path)


def _program(module: nn.Module, inputs: tuple[Tensor, ...]) -> torch.export.ExportedProgram:
    """Draw the graph for batches of any size."""
    batch = torch.export.Dim("batch", min=1)
    return torch.export.export(module, inputs, dynamic_shapes=(({0: batch},) * len(inputs),), strict=False)


def _read_torch(path: Path) -> Callable[[Sequence[Tensor]], Tensor]:
    module = torch.export.load(path).module()
    return lambda inputs: module(*inputs)


def _read_onnx(path: Path) -> Callable[[Sequence[Tensor]], Tensor]:
    import onnxruntime  # noqa: PLC0415 - of the extra [export]

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [item.name for item in session.get_inputs()]

    def run(inputs: Sequence[Tensor]) -> Tensor:
        given = {name: x.numpy() for name, x in zip(names, inputs, strict=True)}
        return torch.from_numpy(np.asarray(session.run(None, given)[0]))

    return run


FORMATS = {"onnx": (_write_onnx, _read_onnx), "torch": (_write_torch, _read_torch)}
