"""The second example of docs/own-task.md as a user runs it, to the spectra in its report."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_runs import raysearch
from own_pions import make_pions

from raysearch.metrics.shown import Spectra, unpack

EXAMPLE = Path(__file__).parents[2] / "docs/examples/own_gan.yaml"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    make_pions(folder)
    few = ["--trials", "2", "--set", "budget.epochs=5"]
    result = raysearch(folder, "tune", str(EXAMPLE), "--name", "own", "--local", *few, drawn=True)
    assert result.code == 0, result.err
    return folder / "runs/own"


def test_its_energies_are_kept_beside_the_real_ones(study: Path) -> None:
    (file,) = study.glob("test/predictions-*.npz")
    shown = unpack(file.read_bytes())
    assert [(type(each), each.quantity, each.unit) for each in shown] == [
        (Spectra, name, "GeV") for name in ("E1", "E2", "E1 + E2")
    ]
    assert all(len(each.real) == len(each.made) == 1000 for each in shown)


def test_its_spectra_stand_in_the_report(study: Path) -> None:
    page = (study / "report/report.md").read_text()
    figures = sorted(path.name for path in (study / "report/figures").glob("spectr*.svg"))
    assert len(figures) == 3
    assert all(f"figures/{name}" in page for name in figures)
    assert all(name in page for name in ("E1", "E2", "E1 + E2"))


def test_both_losses_are_recorded(study: Path) -> None:
    assert all(f"train_{name}" in (study / "ledger.jsonl").read_text() for name in ("generator", "critic"))


def test_it_can_be_pruned(study: Path) -> None:
    """What the generator made stands in a graph while the critic takes its step."""
    done = raysearch(study.parents[1], *["prune", "own", "--rounds", "1", "--epochs", "2", "--target", "0.3"])
    assert done.code == 0, done.err
    assert "round 1 of 1: 30.0 % of the weights dropped" in done.err
