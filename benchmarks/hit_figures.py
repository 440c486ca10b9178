"""Draws what pions' showers in the calorimeter of the hits look like, and prints a table of it.

    python benchmarks/hit_figures.py [--pions 1000] [--seed 1] [--out docs/figures]

Pions of 10, 20, 50 and 100 GeV, one process and one thread; needs the extra [hep]. Beside them stands what an
earlier program of this kind had, whose visible fractions and cross-section of mesons these showers have too.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from numpy.typing import NDArray

from raysearch.data.hits.arrays import load_hits
from raysearch.data.hits.block import MAX_PYTHIA_SEED, pion
from raysearch.data.hits.cascade import MM, Cascade
from raysearch.data.hits.deposits import points_of
from raysearch.data.hits.geometry import LAYER_MM, N_LAYERS, N_SENSORS, sensor_at
from raysearch.data.hits.nucleon import Nucleons
from raysearch.data.hits.recipe import STEP_GEV, VERTEX_MM
from raysearch.report.style import GUIDE, PALETTE, hep_style, new_axes, simulation_label, to_bytes
from raysearch.seeds import derive, generator

ENERGIES_GEV = (10.0, 20.0, 50.0, 100.0)
AT_ONCE = 50
EVENT = 831  # of the sample, that is shown
# Of the earlier program, at 10 and at 100 GeV; of its rates all four.
EARLIER = {"response": (0.76, 0.84), "spread": (0.096, 0.077), "f_em": (0.49, 0.64), "depth": (17.0, 22.0)}
EARLIER_RATES = (970, 655, 277, 200)
RADII_CM = np.arange(0, 15.01, 0.25)
Floats = NDArray[np.float64]


class Showers(NamedTuple):
    """Of each pion (pion,): visible over true energy, electromagnetic part, mean depth and rms radius, hits.

    Lengths are in cm. ``layers`` (layer,) and ``within`` (radius,) are mean parts of the visible energy, and
    ``rate`` is pions a second.
    """

    response: Floats
    f_em: Floats
    depth: Floats
    radius: Floats
    hits: Floats
    layers: Floats
    within: Floats
    rate: float


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description="Draw what showers of pions look like.")
    parser.add_argument("--pions", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("docs/figures"))
    given = parser.parse_args(arguments)
    found = {energy: simulated(energy, given.pions, given.seed) for energy in ENERGIES_GEV}
    with hep_style():
        figures = {"hits-response": response(found), "hits-shape": shape(found), "hits-event": event()}
        given.out.mkdir(parents=True, exist_ok=True)
        for name, figure in figures.items():
            (given.out / f"{name}.svg").write_bytes(to_bytes(figure, "svg"))
    print("\n".join(table(found)))


def simulated(energy: float, n: int, seed: int) -> Showers:
    """Pions of one energy, placed as in events; seconds are of the processor, without Pythia's start."""
    number = int(energy)
    rng = generator(seed, "hit figures", number)
    nucleons = Nucleons(1 + derive(seed, "hit figures/pythia", number) % MAX_PYTHIA_SEED)
    cascade = Cascade(nucleons, Random(derive(seed, "hit figures/cascade", number)))
    began = time.process_time()
    rows, layers, within = [], np.zeros(N_LAYERS), np.zeros(len(RADII_CM))
    for start in range(0, n, AT_ONCE):
        vertex = np.zeros((min(AT_ONCE, n - start), 3))
        vertex[:, :2] = rng.uniform(-VERTEX_MM, VERTEX_MM, (len(vertex), 2))
        tracks = [cascade.of(pion(energy, place)) for place in vertex]
        points, owner = points_of(tracks, rng)
        for which, each in enumerate(tracks):
            mine = points[owner == which]
            mine = mine[sensor_at(*(mine[:, :3].T / MM)) >= 0]
            gev, away = mine[:, 3], np.hypot(*(mine[:, :2] - vertex[which, :2] * MM).T)
            hits = np.bincount(sensor_at(*(mine[:, :3].T / MM)), gev, N_SENSORS)
            rows.append(
                (
                    gev.sum() / energy,
                    sum(shower[6] for shower in each.showers) / energy,
                    np.average(mine[:, 2], weights=gev),
                    np.sqrt(np.average(away**2, weights=gev)),
                    (hits > STEP_GEV / 2).sum(),
                )
            )
            layers += np.histogram(mine[:, 2] / MM, np.arange(N_LAYERS + 1) * LAYER_MM, weights=gev)[0] / n
            order = np.argsort(away)
            enclosed = np.concatenate([[0.0], np.cumsum(gev[order])])
            within += enclosed[np.searchsorted(away[order], RADII_CM)] / gev.sum() / n
    spent = time.process_time() - began
    shares, parts, depths, radii, hits = np.array(rows, np.float64).T
    return Showers(shares, parts, depths, radii, hits, layers / layers.sum(), within, n / spent)


def response(found: dict[float, Showers]) -> Figure:
    figure, axes = new_axes()
    for number, (energy, showers) in enumerate(found.items()):
        bins = np.arange(0.3, 1.11, 0.02)
        heights, _ = np.histogram(showers.response, bins)
        axes.stairs(heights / len(showers.response) / 0.02, bins, color=PALETTE[number], label=named(energy))
    axes.set(xlabel="visible energy / energy of the pion", ylabel="share per unit", xlim=(0.3, 1.1))
    axes.legend()
    simulation_label(axes)
    return figure


def shape(found: dict[float, Showers]) -> Figure:
    figure = Figure(figsize=(11, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    for number, (energy, showers) in enumerate(found.items()):
        edges = np.arange(N_LAYERS + 1) * LAYER_MM * MM
        left.stairs(showers.layers, edges, color=PALETTE[number], label=named(energy))
        right.plot(RADII_CM, showers.within, color=PALETTE[number], label=named(energy))
    left.set(yscale="log", xlabel="depth [cm]", ylabel="part of the visible energy", xlim=(0, 200))
    right.axhline(0.9, color=GUIDE, linestyle=":", linewidth=1)
    right.set(
        xlabel="distance from the pion's axis [cm]", ylabel="part within it", xlim=(0, 15), ylim=(0, 1.02)
    )
    right.legend(loc="lower right")
    simulation_label(left)
    return figure


def event() -> Figure:
    """One event of the sample: where hits lie, how large, and whose."""
    figure = Figure(figsize=(11, 4.6), layout="constrained")
    found = load_hits()
    energy, fractions = found.energy[EVENT], found.fractions[EVENT]
    first, second = found.particle_energy[EVENT].tolist()
    hit = energy > 0
    place, colours = found.sensors[hit] / 10, colormaps["coolwarm_r"].resampled(16)
    sizes = 3 + 110 * np.sqrt(energy[hit] / energy.max())
    for axes, row, name in zip(figure.subplots(1, 2), (0, 1), "xy", strict=True):
        drawn = axes.scatter(
            place[:, 2], place[:, row], sizes, fractions[hit, 0],
            marker="s", cmap=colours, vmin=0, vmax=1, alpha=0.7, linewidths=0,
        )  # fmt: skip
        axes.set(xlabel="z [cm]", ylabel=f"{name} [cm]", xlim=(0, 200), ylim=(-15, 15))
    simulation_label(axes)
    figure.colorbar(drawn, label=f"fraction of the first pion\n({first:.0f} GeV; the other {second:.0f} GeV)")
    return figure


def named(energy: float) -> str:
    return f"{energy:.0f} GeV"


def table(found: dict[float, Showers]) -> list[str]:
    """What the figures show in numbers, as Markdown."""
    names = [named(energy) for energy in found]
    lines = [f"| | {' | '.join(names)} | earlier, 10 and 100 GeV |", f"|---|{len(names) * '---:|'}---|"]
    showers = found.values()
    means = {
        "response": (
            [each.response.mean() for each in showers],
            "mean of visible over true energy",
            "{:.3f}",
        ),
        "spread": (
            [each.response.std() / each.response.mean() for each in showers],
            "its standard deviation over its mean",
            "{:.1%}",
        ),
        "f_em": ([each.f_em.mean() for each in showers], "electromagnetic part of the energy", "{:.2f}"),
        "depth": ([each.depth.mean() for each in showers], "mean depth, cm", "{:.1f}"),
        "radius": ([each.radius.mean() for each in showers], "rms distance from the axis, cm", "{:.2f}"),
        "r90": (
            [np.interp(0.9, each.within, RADII_CM) for each in showers],
            "radius that holds 90 % of the visible energy, cm",
            "{:.1f}",
        ),
        "hits": ([each.hits.mean() for each in showers], "sensors hit", "{:.0f}"),
    }
    for name, (values, words, form) in means.items():
        earlier = ", ".join(form.format(value) for value in EARLIER.get(name, ()))
        lines.append(f"| {words} | {' | '.join(map(form.format, values))} | {earlier} |")
    rates = " | ".join(f"{each.rate:.0f}" for each in showers)
    lines.append(f"| pions a processor-second | {rates} | {', '.join(map(str, EARLIER_RATES))} at all four |")
    return lines


if __name__ == "__main__":
    main(sys.argv[1:])
