"""What all jet taggers share: the jets, cross-entropy, and the metrics of a classifier of five classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from raysearch.data.files import stamps
from raysearch.data.hdf5_gate import open_hdf5
from raysearch.data.jets.arrays import JetArrays, JetInput, check_input, jet_arrays
from raysearch.data.jets.files import check_jets, jet_files, load_events
from raysearch.data.jets.layout import CLASSES, IMAGE
from raysearch.data.jets.summary import JetSummary
from raysearch.data.jets.to_score import jets_to_score
from raysearch.data.prepared import as_tensor
from raysearch.data.scaling import Scaling
from raysearch.data.source import DataSource
from raysearch.data.splitting import part_examples
from raysearch.data.tensors import Batch, Parts, TensorData
from raysearch.data.to_score import ToScore
from raysearch.errors import InputError
from raysearch.metrics.classification import accuracy, one_vs_rest_auc
from raysearch.metrics.shown import Scores, Shown
from raysearch.tasks.task import Outputs, Task

S = TypeVar("S")
STORED = "stored"  # the kind of images that files hold; the other one is computed from constituents


class JetTask(Task[S]):
    """Jets and their class; a subclass adds ``Settings``, model and optimiser.

    As it stands the model is given (jet, constituent, 16), and the settings have ``constituents``, how many of the
    hardest, and ``standardize``: shift and scale each feature by its mean and standard deviation over the training
    part's constituents; padding stays zero. A subclass with other input overrides :meth:`jet_input`,
    :meth:`is_standardized` and, if the stored form is not what its model takes, :meth:`network_input`.
    """

    higher_is_better = frozenset({"accuracy", "auc", *(f"auc_{name}" for name in CLASSES)})

    def jet_input(self, settings: S) -> JetInput:
        """Say what the network sees of a jet."""
        return JetInput("constituents", settings.constituents)  # type: ignore[attr-defined] # see the class

    def is_standardized(self, settings: S) -> bool:
        """Say whether features are standardised by the training part."""
        return settings.standardize  # type: ignore[attr-defined] # see the class

    def network_input(self, batch: Batch) -> Tensor:
        """Turn a batch's inputs into what the model takes."""
        return batch[0]

    def inspect(self, source: DataSource, settings: S) -> dict[str, Any]:
        """Check every file and count the parts."""
        path, wanted = _path(source), self.jet_input(settings)
        summary = _checked(path, stamps(jet_files(path)))
        if wanted.constituents > summary.n_constituents:
            raise InputError(
                f"space.constituents: {wanted.constituents}, but the files hold at most {summary.n_constituents} a jet"
            )
        check_input(path, wanted)
        split = part_examples(*load_events(path), source)
        folds = {"folds": source.folds, "fold_by": source.fold_by} if source.folds >= 2 else {}
        return {
            "files": summary.sha256,
            "n_jets": summary.n,
            "n_per_class": summary.n_per_class,
            "n_train": len(split.train),
            "n_validation": len(split.validation),
            "n_test": len(split.test),
            "split_by": split.by,
            "classes": list(CLASSES),
            "features_derived": summary.derived_features,
            **folds,
            **({"images": _kind_of_images(path)} if wanted.kind == "image" else {}),
            **({"sqrt_s_tev": 13} if source.path is None else {}),  # of other files nobody tells us
        }

    def load(self, source: DataSource, settings: S) -> Parts:
        """Map the jets; all runs of a node share one copy."""
        return _parts(source, self.jet_input(settings), standardize=self.is_standardized(settings))

    def scaling(self, source: DataSource, settings: S) -> Scaling | None:
        """Measure how features are standardised, for whoever applies a trained model to other jets."""
        if not self.is_standardized(settings):
            return None
        return _scaling(source, self.jet_input(settings))

    def other_data_like(self, paths: Sequence[Path], settings: S, described: Mapping[str, Any]) -> ToScore:
        """Check files of a user's own jets, with or without labels; images are of the kind that was trained on.

        Raises:
            InputError: files are refused, or the study is older than the record of its images.
        """
        wanted = self.jet_input(settings)
        if wanted.kind == "image" and "images" not in described:
            raise InputError(
                "data: the study does not tell whether it was trained on images of its files or on computed ones; "
                "train it again with this version"
            )
        return jets_to_score(paths, wanted, stored_images=described.get("images") == STORED)

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Cross-entropy."""
        return functional.cross_entropy(model(self.network_input(batch)), batch[-1])

    def predict(self, model: nn.Module, batch: Batch) -> Tensor:
        """Logits (B, 5)."""
        return model(self.network_input(batch))

    def metrics(self, outputs: Tensor, data: TensorData) -> dict[str, float]:
        """Cross-entropy, accuracy, and the area under each class's ROC curve against the rest."""
        labels = data.column(-1)
        scores = _scores(outputs)
        areas = one_vs_rest_auc(scores, labels.numpy())
        return {
            "loss": functional.cross_entropy(outputs.double(), labels).item(),
            "accuracy": accuracy(scores, labels.numpy()),
            "auc": float(np.mean(areas)),
            **{f"auc_{name}": float(area) for name, area in zip(CLASSES, areas, strict=True)},
        }

    def shown(self, outputs: Outputs, data: TensorData) -> Sequence[Shown]:
        """Scores of the classes, for the ROC curves."""
        scores = _scores(outputs["outputs"]).astype(np.float32)
        return [Scores(data.column(-1).numpy(), scores, CLASSES)]


def _scores(outputs: Tensor) -> NDArray[np.float64]:
    return functional.softmax(outputs.double(), dim=1).numpy()


@lru_cache(maxsize=1)
def _checked(path: Path | None, stamps: tuple[tuple[int, ...], ...]) -> JetSummary:  # noqa: ARG001 - as a key
    """Read every value of the files once for all studies of a series, unless a file changes meanwhile."""
    return check_jets(path)


def _path(source: DataSource) -> Path | None:
    return None if source.path is None else Path(source.path)


def _kind_of_images(path: Path | None) -> str:
    """Whether images are those of the files or computed; files that were checked all have them, or none has."""
    with closing(open_hdf5(jet_files(path)[0])) as opened:
        return STORED if IMAGE in opened else "computed"


@lru_cache(maxsize=1)
def _arrays(path: Path | None, wanted: JetInput) -> JetArrays:
    """Map the arrays once in a process; where there is no cache, they are held here for all folds."""
    return jet_arrays(path, wanted)


@lru_cache(maxsize=16)
def _scaling(source: DataSource, wanted: JetInput) -> Scaling:
    jets = _arrays(_path(source), wanted)
    train = part_examples(jets.events, jets.file_index, source).train
    return Scaling.of(as_tensor(jets.inputs[0]), torch.from_numpy(train))


@lru_cache(maxsize=1)
def _parts(source: DataSource, wanted: JetInput, *, standardize: bool) -> Parts:
    jets = _arrays(_path(source), wanted)
    split = part_examples(jets.events, jets.file_index, source)
    scaling = _scaling(source, wanted) if standardize else None
    tensors = tuple(as_tensor(array) for array in (*jets.inputs, jets.labels))
    rows = [torch.from_numpy(part) for part in (split.train, split.validation, split.test)]
    return Parts(*(TensorData(tensors, part, scaling) for part in rows))
