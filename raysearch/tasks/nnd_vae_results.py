"""What the NND VAE is judged by and shows, of digits and of jets; which of both, the outputs' names say."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from raysearch.data.jets.layout import PARTICLES
from raysearch.data.tensors import TensorData
from raysearch.metrics.generation.digit_images import digit_features, digit_pictures
from raysearch.metrics.generation.jet_sample import JetSample
from raysearch.metrics.generation.jet_spectra import jet_spectra
from raysearch.metrics.generation.point_sets import mean_distance, sample_distance
from raysearch.metrics.generation.quick_figures import digit_figures, jet_figures
from raysearch.metrics.shown import Pictures, Shown
from raysearch.tasks.cloud_rows import DIGIT_POINTS
from raysearch.tasks.nnd_vae_rows import LABEL, POINTS, SEEN, SPAN, STATISTICS, in_files_units
from raysearch.tasks.task import Outputs

RECONSTRUCTED, RECONSTRUCTED_SEEN = "reconstructed", "reconstructed_seen"


def figures(outputs: Outputs, data: TensorData) -> dict[str, float]:
    """Compute all metrics.

    Returns:
        Of jets what ``quick_figures.jet_figures`` has, W1-M + W1-P as ``loss``; of digits the Frechet
        distance of their images as ``loss``, ``floor`` and ``floor_error``; ``samples`` and
        ``samples_floor``: distance of the sample of generated clouds from that of real ones, see
        ``point_sets.py``, in pixels or GeV, and that of real from real; ``reconstruction`` and
        ``reconstruction_seen``: mean distance of clouds from their reconstructions, of unseen ones and of
        some that were trained on.
    """
    if not all(bool(each.isfinite().all()) for each in outputs.values()):
        return {"loss": math.nan}
    real, made = _generation(outputs, data)
    of_jets = PARTICLES in outputs
    if of_jets:
        generation = jet_figures(JetSample(real), JetSample(made))
    else:
        generation = digit_figures(*(digit_features(points, _side(data)) for points in (real, made)))
    generated = outputs[PARTICLES if of_jets else DIGIT_POINTS].numpy()
    # Not the objective: a decoder that makes one mean cloud of all comes nearly as near as real clouds do.
    samples = sample_distance(data.column(POINTS).numpy(), generated)
    reconstruction = {
        name: mean_distance(data.column(column).numpy(), outputs[output].numpy())
        for name, column, output in (
            ("reconstruction", POINTS, RECONSTRUCTED),
            ("reconstruction_seen", SEEN, RECONSTRUCTED_SEEN),
        )
    }
    apart = {"samples": samples.value, "samples_floor": samples.itself}
    return {**generation, **apart, **reconstruction}


def pictures_or_spectra(outputs: Outputs, data: TensorData) -> list[Shown]:
    """Show digits beside what became of them, unseen and trained on, and generated ones; or jets' spectra."""
    if PARTICLES in outputs:
        real, made = (JetSample(each) for each in _generation(outputs, data))
        return [*jet_spectra(real, made)]
    return [
        _pictures(data, POINTS, outputs[RECONSTRUCTED], "digits of the test set", "reconstruction"),
        _pictures(data, SEEN, outputs[RECONSTRUCTED_SEEN], "digits trained on", "reconstruction"),
        _pictures(data, POINTS, outputs[DIGIT_POINTS], "digits from Gaussians", "generator"),
    ]


def in_files(outputs: Outputs, data: TensorData) -> NDArray[Any]:
    """What was generated, in the units of files."""
    of_jets = PARTICLES in outputs
    made = outputs[PARTICLES if of_jets else DIGIT_POINTS]
    return in_files_units(made, data.column(STATISTICS), of_jets=of_jets).numpy()


def _generation(outputs: Outputs, data: TensorData) -> tuple[NDArray[Any], NDArray[Any]]:
    """Real clouds and generated ones, in the units of files."""
    real = in_files_units(data.column(POINTS), data.column(STATISTICS), of_jets=PARTICLES in outputs)
    return real.numpy(), in_files(outputs, data)


def _pictures(data: TensorData, column: int, made: Tensor, title: str, origin: str) -> Pictures:
    statistics = data.column(STATISTICS)
    real, other = (
        in_files_units(each, statistics, of_jets=False).numpy() for each in (data.column(column), made)
    )
    # Labels are those of the test set's digits, not of those that stand beside them.
    names = [f"no. {row}" for row in range(len(real))] if column == SEEN else data.column(LABEL)
    return digit_pictures(
        real, other, _side(data), np.asarray(names), title=title, origins=("digits", origin)
    )


def _side(data: TensorData) -> float:
    """Pixels along an axis."""
    return float(data.column(STATISTICS)[0, SPAN, 0]) + 1
