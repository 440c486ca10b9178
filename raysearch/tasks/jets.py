"""What all jet taggers share: the jets, cross-entropy, and the metrics of a classifier of five classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from raysearch.data.hdf5_gate import open_hdf5
from raysearch.data.jets.arrays import JetInput, check_input, jet_arrays
from raysearch.data.jets.frames import Frame
from raysearch.data.jets.layout import CLASSES, IMAGE
from raysearch.data.jets.summary import JetSummary
from raysearch.data.jets.to_score import jets_to_score
from raysearch.data.kinds import KINDS
from raysearch.data.paths import DataPath
from raysearch.data.prepared import as_tensor
from raysearch.data.source import DataSource
from raysearch.data.splitting import Split
from raysearch.data.summary import FileSummary
from raysearch.data.tensors import Batch, TensorData
from raysearch.data.to_score import ToScore
from raysearch.errors import InputError
from raysearch.metrics.classification import accuracy, one_vs_rest_auc
from raysearch.metrics.shown import Scores, Shown
from raysearch.tasks.file_task import FileTask, Rows, path_of
from raysearch.tasks.task import OUTPUTS, Outputs

S = TypeVar("S")
LABEL = -1  # the last column of a batch, after what the network sees, which may be several
FRAME = "jet_frame"  # where the ledger has by which definitions features were derived and images computed
STORED = "stored"  # the kind of images that files hold; the other one is computed from constituents


class JetTask(FileTask[S]):
    """Jets and their class; a subclass adds ``Settings``, model and optimiser.

    As it stands the model is given (jet, constituent, 16), and the settings have ``constituents``, how many
    of the hardest, and ``standardize``: shift and scale each feature by its mean and standard deviation over
    the training part's constituents; padding stays zero. A subclass with other input overrides
    :meth:`jet_input`, :meth:`is_standardized` and, if the stored form is not what its model takes,
    :meth:`network_input`.
    """

    kind = "jets"
    reads_several = True
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

    def view(self, settings: S) -> JetInput:
        """Say what the network sees of a jet."""
        return self.jet_input(settings)

    @staticmethod
    def rows(path: DataPath, view: JetInput) -> Rows:
        """Map what the network sees, which may be several tensors, and the labels."""
        jets = jet_arrays(path, view)
        tensors = tuple(as_tensor(array) for array in (*jets.inputs, jets.labels))
        return Rows(tensors, jets.events, jets.file_index)

    def check_files(self, path: DataPath, found: FileSummary, settings: S) -> None:
        """Check that the files have as many constituents, and images if these are asked for."""
        assert isinstance(found, JetSummary)
        wanted = self.jet_input(settings)
        if wanted.constituents > found.n_constituents:
            raise InputError(
                f"space.constituents: {wanted.constituents}, but the files hold at most "
                f"{found.n_constituents} a jet"
            )
        check_input(path, wanted)

    def facts(self, source: DataSource, settings: S, found: FileSummary, split: Split) -> dict[str, Any]:
        """Tell the classes, and what the images are.

        Raises:
            InputError: a part or a fold has no jet of some class, of which no figure could be told.
        """
        assert isinstance(found, JetSummary)
        if problems := list(KINDS[self.kind].lacking(path_of(source), source)):
            raise InputError(*problems)
        return {
            "n_per_class": found.n_per_class,
            "classes": list(CLASSES),
            "features_derived": found.derived_features,
            FRAME: found.frame,
            **({"images": _kind_of_images(found)} if self.jet_input(settings).kind == "image" else {}),
            **({"sqrt_s_tev": 13} if source.path is None else {}),  # of other files nobody tells us
        }

    def to_score(self, paths: Sequence[Path], settings: S, described: Mapping[str, Any]) -> ToScore:
        """Check files of a user's own jets, with or without labels; what is derived is so as in the training.

        Raises:
            InputError: files are refused, or the study is older than the record of its images.
        """
        wanted = self.jet_input(settings)
        # Stored and computed images differ; a network for one kind would score the other without a word.
        if wanted.kind == "image" and "images" not in described:
            raise InputError(
                "data: the study does not tell whether it was trained on images of its files or on computed "
                "ones; train it again with this version"
            )
        # A study that does not tell is of version 0.1.0, which knew its own definitions alone.
        frame = Frame(described.get(FRAME, Frame.first))
        return jets_to_score(paths, wanted, stored_images=described.get("images") == STORED, frame=frame)

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Cross-entropy."""
        return functional.cross_entropy(model(self.network_input(batch)), batch[LABEL])

    def predict(self, model: nn.Module, batch: Batch, chance: torch.Generator) -> Tensor:
        """Logits (B, 5)."""
        return model(self.network_input(batch))

    def exported(self, model: nn.Module) -> nn.Module:
        """Give probabilities (B, 5)."""
        # The loss takes logits, for it is exact there; other programs expect probabilities.
        return nn.Sequential(self.plain(model), nn.Softmax(dim=1))

    def metrics(self, outputs: Outputs, data: TensorData) -> dict[str, float]:
        """Cross-entropy, accuracy, and the area under each class's ROC curve against the rest."""
        labels = data.column(LABEL)
        logits = outputs[OUTPUTS]
        scores = _scores(logits)
        areas = one_vs_rest_auc(scores, labels.numpy())
        return {
            "loss": functional.cross_entropy(logits.double(), labels).item(),
            "accuracy": accuracy(scores, labels.numpy()),
            "auc": float(np.mean(areas)),
            **{f"auc_{name}": float(area) for name, area in zip(CLASSES, areas, strict=True)},
        }

    def shown(self, outputs: Outputs, data: TensorData) -> Sequence[Shown]:
        """Scores of the classes, for the ROC curves."""
        scores = _scores(outputs[OUTPUTS]).astype(np.float32)
        return [Scores(data.column(LABEL).numpy(), scores, CLASSES)]


def _scores(logits: Tensor) -> NDArray[np.float64]:
    # In double: scores next to one would be equal in single precision, and ties move an AUC.
    return functional.softmax(logits.double(), dim=1).numpy()


def _kind_of_images(found: JetSummary) -> str:
    """Whether images are the files' or computed; of files that were checked, all have them or none has."""
    with closing(open_hdf5(found.files[0])) as opened:
        return STORED if IMAGE in opened else "computed"
