"""Spectra of rows that are parts of things, such as particles of jets, and of what a generator was given."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from report_ledgers import showing_study

from raysearch.ledger.history import read_history
from raysearch.metrics.generation.jet_sample import JetSample
from raysearch.metrics.generation.jet_spectra import jet_spectra
from raysearch.metrics.shown import Condition, Coordinate, Parts, Spectra, pack, unpack
from raysearch.report.build import content
from raysearch.report.markdown import to_markdown
from raysearch.report.shown.spectra_panels import panels_of
from raysearch.report.style import hep_style
from raysearch.report.test_result import read_result

JETS = 200


def jets(seed: int, n: int = JETS) -> JetSample:
    """Jets whose particles lie around an axis that is the jet's own, and fall with their rank."""
    rng = np.random.default_rng(seed)
    axis, rank = rng.normal(0, 0.1, (n, 1, 2)), np.arange(12)
    around = axis + rng.normal(0, 0.05, (n, 12, 2))
    pt = np.exp(-0.3 * rank) * np.exp(rng.normal(0, 0.5, (n, 1))) * rng.uniform(0.9, 1.1, (n, 12))
    pt[rank >= rng.integers(6, 13, (n, 1))] = 0
    return JetSample(np.concatenate([around, pt[..., None]], axis=2))


def of_particles(seed: int) -> list[Spectra]:
    shown = jet_spectra(jets(seed), jets(1000 + seed))
    return [each for each in shown if each.parts is not None]


def test_a_perfect_generator_of_jets_is_as_far_away_as_real_jets_are_from_real_ones() -> None:
    panels = [panel for seed in range(40) for each in of_particles(seed) for panel in panels_of([each])]
    apart = np.mean([panel.separation for panel in panels])
    assert np.mean([panel.separation_itself for panel in panels]) == pytest.approx(apart, rel=0.2)
    assert np.mean([panel.chi2 for panel in panels]) == pytest.approx(1, abs=0.25)
    assert np.mean([panel.chi2_itself for panel in panels]) == pytest.approx(1, abs=0.25)


def test_halves_and_errors_of_means_are_of_whole_things_too() -> None:
    chi2 = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        real, made = (np.repeat(rng.normal(0, 1, JETS), 8) + rng.normal(0, 0.3, 8 * JETS) for _ in "rm")
        numbers = np.repeat(np.arange(JETS), 8)
        of_real, of_made = (np.repeat(rng.uniform(0, 4, JETS), 8) for _ in "rm")
        over = Condition("energy", "GeV", of_real, of_made, np.arange(5.0))
        parts = Parts("jet", numbers, numbers)
        (panel,) = panels_of([Spectra("depth", "", real, made, over, trend=True, parts=parts)])
        real, made = (np.repeat(rng.normal(0, 1, (JETS, 4)), 8, axis=0) for _ in "rm")
        along = Coordinate("layer", "", np.arange(5.0))
        (other,) = panels_of([Spectra("depth", "", real, made, along=along, parts=parts)])
        chi2 += [panel.chi2[0], panel.chi2_itself, other.chi2[0], other.chi2_itself]
    assert np.mean(np.reshape(chi2, (-1, 4)), axis=0) == pytest.approx([1, 1, 1, 1], abs=0.35)


def test_halves_are_as_alike_in_the_condition_as_made_rows_that_have_the_real_ones() -> None:
    chi2 = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        energy = rng.uniform(0, 100, 400)
        real, made = (energy[:, None] * rng.normal(1, 0.05, (400, 6)) for _ in "rm")
        over, along = Condition("energy", "GeV", energy, energy, np.array([0.0, 100.0])), np.arange(7.0)
        (panel,) = panels_of([Spectra("energy", "GeV", real, made, over, Coordinate("layer", "", along))])
        chi2.append((panel.chi2[0], panel.chi2_itself))
    made_ones, itself = np.mean(chi2, axis=0)
    assert itself == pytest.approx(made_ones, rel=0.3)


def test_the_number_of_particles_was_given_and_is_no_figure_of_the_generator(tmp_path: Path) -> None:
    real, made = jets(1), jets(2)
    told = made.particles.copy()
    told[~real.there] = 0
    told[..., 2][real.there & ~made.there] = (
        0.01  # a network that has learnt nothing has the numbers all the same
    )
    folder = showing_study(tmp_path / "gan", [jet_spectra(real, JetSample(told))])
    history = read_history(folder)
    figures = read_result(folder, history).figures
    assert "separation_particles" not in figures
    of_each = [figure.value for name, figure in figures.items() if name.startswith("separation_")]
    assert figures["separation"].value > 0.9 * np.mean(of_each[:6])
    with hep_style():
        markdown = to_markdown("Study", content(folder, history))
    assert "the mean separation power of its 6 spectra" in markdown
    assert "particles: given, for each generated jet is asked for with the number of particles" in markdown
    assert "| particles | distribution, given |" in markdown
    assert "pT_rel of particles: errors, chi2 and halves are by jet." in markdown


def test_spectra_of_before_parts_are_read() -> None:
    old = Spectra("depth", "", np.arange(40.0), np.arange(40.0))
    with np.load(io.BytesIO(pack([old]))) as kept:
        arrays = {name: kept[name] for name in kept.files}
    header = json.loads(str(arrays.pop("shown")))
    for later in ("parts", "given"):
        del header["values"][0]["fields"][later]
    buffer = io.BytesIO()
    np.savez(buffer, shown=np.array(json.dumps(header)), **arrays)
    (found,) = unpack(buffer.getvalue())
    assert isinstance(found, Spectra)
    assert (found.parts, found.given) == (None, "")
    assert panels_of([found])[0].separation == (0,)
