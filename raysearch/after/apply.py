"""Applies a trained model to rows that are in memory: the same for whoever scores and whoever generates."""

from __future__ import annotations

import torch

from raysearch import __version__
from raysearch.after.row_file import RowFile
from raysearch.after.trained import FoldModel, TrainedTrial
from raysearch.data.made_files import STUDY_FILES
from raysearch.data.tensors import TensorData
from raysearch.data.to_score import Piece
from raysearch.seeds import derive
from raysearch.tasks.outputs import outputs_of
from raysearch.tasks.task import Outputs
from raysearch.training.evaluation import generator_on
from raysearch.training.precision import computing_in, widened

MOST_FILES = 900  # whose sums fit an attribute, of 64 KiB at most


def outputs_for(
    trained: TrainedTrial, fold: FoldModel, piece: Piece, batch: int, device: torch.device, *, purpose: str
) -> Outputs:
    """Apply one model to a piece, in the precision in which it was trained.

    Args:
        trained: the models.
        fold: the one of them.
        piece: the rows.
        batch: rows at a time.
        device: where to compute.
        purpose: what for; what is drawn at random comes from the study's seed, it, and the rows' place.

    Returns:
        By name (row, ...), on the CPU, in float32 at least.
    """
    scaling = None if fold.scaling is None else fold.scaling.to(device)
    stored = TensorData(tuple(tensor.to(device) for tensor in piece.batch), scaling=scaling)
    # A row's chance is its place's, so that neither other files nor a rerun change what is drawn for it.
    place = (fold.fold, piece.file, piece.first_row)
    found: list[Outputs] = []
    for number, rows in enumerate(torch.arange(len(stored), device=device).split(batch)):
        chance = generator_on(device, derive(trained.space_file.seed, purpose, *place, number))
        with torch.no_grad(), computing_in(trained.precision, device):
            outputs = outputs_of(trained.task, fold.model, stored.rows(rows), chance)
        found.append({name: widened(values).cpu() for name, values in outputs.items()})
    return {name: torch.cat([each[name] for each in found]) for name in found[0]}


def tell_origin(file: RowFile, trained: TrainedTrial) -> None:
    """Write into a file where what it holds comes from."""
    file.h5.attrs.update({**trained.provenance(), "raysearch": __version__, "torch": str(torch.__version__)})
    sums = sorted(map(str, trained.history.created.data["files"].values()))
    if sums and len(sums) <= MOST_FILES:
        file.h5.attrs[STUDY_FILES] = " ".join(sums)
