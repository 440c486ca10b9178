"""Draws what jets look like, beside what is known of the public HLS4ML LHC jets, and prints tables of it.

    python benchmarks/jet_figures.py [--data FILE_OR_FOLDER] [--out docs/figures]

Without --data the sample that ships. Given public files it draws these, in the same axes and bins.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from raysearch.data.hdf5_gate import open_hdf5
from raysearch.data.jets.files import jet_files
from raysearch.data.jets.layout import (
    CLASSES,
    DNN_COLUMNS,
    FEATURES,
    JET_COLUMNS,
    LABELS,
    PUBLIC_MULTIPLICITY,
    QUANTILES,
)
from raysearch.data.jets.pieces import columns_of_all, hardest, pieces
from raysearch.report.style import GUIDE, PALETTE, hep_style, new_axes, simulation_label, to_bytes

PUBLIC_MEAN_MULTIPLICITY = 49.4
PUBLIC_PT_GEV = (159, 1022, 3157)  # least, median and greatest pT of public jets
MASSES_GEV = {"W": 80.4, "Z": 91.2, "t": 172.5}
LEGEND = {"g": "gluon", "q": "light quark", "w": "W", "z": "Z", "t": "top"}
CONSTITUENT_BINS = {
    "j1_deltaR": (0.0, 0.8),
    "j1_etarot": (-0.8, 0.8),
    "j1_phirot": (-0.8, 0.8),
    "j1_costhetarel": (-0.8, 0.8),
}
Floats = NDArray[np.float64]


class Jets(NamedTuple):
    """Columns of all jets (jet, 59), their classes (jet,), and features of constituents by class."""

    columns: Floats
    label: NDArray[np.int64]
    constituents: dict[str, Floats]


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description="Draw what jets look like, beside the public ones.")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("docs/figures"))
    given = parser.parse_args(arguments)
    jets = read(given.data)
    with hep_style():
        figures = {
            "jets-multiplicity": multiplicity(jets),
            "jets-pt": transverse_momentum(jets),
            "jets-masses": masses(jets),
            "jets-quantities": quantities(jets),
            "jets-constituents": constituents(jets),
        }
        given.out.mkdir(parents=True, exist_ok=True)
        for name, figure in figures.items():
            (given.out / f"{name}.svg").write_bytes(to_bytes(figure, "svg"))
    for line in tables(jets):
        print(line)


def read(path: Path | None) -> Jets:
    files = jet_files(path)
    columns, features = [], []
    for file, found in columns_of_all(files, 1).items():
        with closing(open_hdf5(file)) as opened:
            for _, values, jets, _ in pieces(opened, file, found):
                columns.append(jets)
                features.append(hardest(values, found.width, found.derive_by))
    jets, constituents = np.concatenate(columns), np.concatenate(features)
    label = jets[:, LABELS].argmax(axis=1)
    there = constituents[..., FEATURES.index("j1_pt")] > 0
    by_class = {
        name: constituents[label == number][there[label == number]] for number, name in enumerate(CLASSES)
    }
    return Jets(jets, label, by_class)


def column(jets: Jets, name: str) -> Floats:
    return jets.columns[:, JET_COLUMNS.index(f"j_{name}")]


def by_class(axes: Axes, jets: Jets, values: Floats, bins: Floats) -> None:
    """A line for each class, each of area 1."""
    for number, name in enumerate(CLASSES):
        heights, _ = np.histogram(values[jets.label == number], bins)
        share = heights / (np.sum(jets.label == number) * np.diff(bins))
        axes.stairs(share, bins, color=PALETTE[number], label=LEGEND[name])


def multiplicity(jets: Jets) -> Figure:
    figure, axes = new_axes()
    values, bins = column(jets, "multiplicity"), np.arange(-0.5, 160, 4)
    by_class(axes, jets, values, bins)
    heights, _ = np.histogram(values, bins)
    axes.stairs(heights / (len(values) * 4), bins, color="black", linewidth=2.6, label="all classes")
    top = 1.25 * axes.get_ylim()[1]
    ours = np.quantile(values, QUANTILES)
    axes.plot(ours, [0.95 * top] * 5, "o", color="black", label="5, 25, 50, 75, 95 % of all")
    axes.plot(PUBLIC_MULTIPLICITY, [0.89 * top] * 5, "D", color=GUIDE, label="the same, public")
    axes.set(xlabel="constituents of a jet", ylabel="share per constituent", ylim=(0, top), xlim=(0, 156))
    axes.legend(loc="center right")
    simulation_label(axes)
    return figure


def transverse_momentum(jets: Jets) -> Figure:
    figure, axes = new_axes()
    by_class(axes, jets, column(jets, "pt"), np.arange(0, 3301, 50.0))
    least, median, most = PUBLIC_PT_GEV
    axes.axvspan(least, most, color=GUIDE, alpha=0.15, label="public, all jets")
    axes.axvline(median, color=GUIDE, linestyle="--", label=f"public median, {median} GeV")
    axes.set(yscale="log", xlabel="pT of a jet [GeV]", ylabel="share per GeV", xlim=(0, 3300))
    axes.legend()
    simulation_label(axes)
    return figure


def masses(jets: Jets) -> Figure:
    figure, axes = new_axes()
    by_class(axes, jets, column(jets, "mass_mmdt"), np.arange(0, 251, 2.0))
    for name, mass in MASSES_GEV.items():
        axes.axvline(mass, color=GUIDE, linestyle=":", linewidth=1)
        axes.annotate(name, (mass, 0.55), color=GUIDE, xytext=(3, 0), textcoords="offset points")
    axes.set(yscale="log", xlabel="mass after mMDT [GeV]", ylabel="share per GeV", xlim=(0, 250))
    axes.legend()
    simulation_label(axes)
    return figure


def quantities(jets: Jets) -> Figure:
    """The 16 inputs of the paper's DNN."""
    figure = Figure(figsize=(12, 11), layout="constrained")
    for axes, place in zip(figure.subplots(4, 4).flat, DNN_COLUMNS, strict=True):
        values = jets.columns[:, place]
        by_class(axes, jets, values, np.linspace(*np.quantile(values, (0.002, 0.995)), 41))
        axes.set(xlabel=JET_COLUMNS[place].removeprefix("j_"), yticks=[])
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=5)
    return figure


def constituents(jets: Jets) -> Figure:
    figure = Figure(figsize=(10, 7), layout="constrained")
    for axes, (name, limits) in zip(figure.subplots(2, 2).flat, CONSTITUENT_BINS.items(), strict=True):
        bins = np.linspace(*limits, 81)
        for number, values in enumerate(jets.constituents.values()):
            heights, _ = np.histogram(values[:, FEATURES.index(name)], bins)
            share = heights / (len(values) * np.diff(bins))
            axes.stairs(share, bins, color=PALETTE[number], label=LEGEND[CLASSES[number]])
        axes.set(yscale="log", xlabel=name, ylabel="share", xlim=limits)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=5)
    return figure


def tables(jets: Jets) -> list[str]:
    """What the figures show in numbers, as Markdown."""
    many, pt, mass = (column(jets, name) for name in ("multiplicity", "pt", "mass_mmdt"))
    ours = "/".join(f"{value:.0f}" for value in np.quantile(many, QUANTILES))
    public = "/".join(str(value) for value in PUBLIC_MULTIPLICITY)
    range_ours = f"{pt.min():.0f}, {np.median(pt):.0f}, {pt.max():.0f}"
    range_public = ", ".join(map(str, PUBLIC_PT_GEV))
    counts = f"{many.mean():.1f}, {ours} | {PUBLIC_MEAN_MULTIPLICITY}, {public}"
    lines = [
        "| all jets | here | public |",
        "|---|---|---|",
        f"| constituents: mean, 5/25/50/75/95 % | {counts} |",
        f"| pT [GeV]: least, median, greatest | {range_ours} | {range_public} |",
        "",
        "| class | jets | constituents | pT [GeV] | mMDT mass [GeV]: 16/50/84 % | tau32 | near m(Z) |",
        "|---|---|---|---|---|---|---|",
    ]
    for number, name in enumerate(CLASSES):
        its = jets.label == number
        spread = "/".join(f"{value:.1f}" for value in np.quantile(mass[its], (0.16, 0.5, 0.84)))
        near_z = np.mean(np.abs(mass[its] - MASSES_GEV["Z"]) < 3)
        lines.append(
            f"| {name} | {its.sum():,} | {many[its].mean():.1f} | {np.median(pt[its]):.0f} | {spread} | "
            f"{np.median(column(jets, 'tau32_b1')[its]):.2f} | {near_z:.0%} |"
        )
    return lines


if __name__ == "__main__":
    main(sys.argv[1:])
