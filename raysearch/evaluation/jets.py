"""Generated jets beside real ones, as point clouds of their 30 hardest particles.

Files may have any layout that raysearch/data/clouds/jet_layouts.py knows, the one of either side another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from raysearch.data.clouds.check import not_relative, odd, off_axis, speaking
from raysearch.data.clouds.jets import POINTS, JetClouds, load_jet_clouds
from raysearch.data.paths import passed_over
from raysearch.errors import InputError
from raysearch.evaluation.copies import find_copies
from raysearch.evaluation.found import Asked, Found
from raysearch.metrics.generation import movers, wasserstein
from raysearch.metrics.generation.batches import batch_size
from raysearch.metrics.generation.jet_sample import JetSample
from raysearch.metrics.generation.jets import jet_comparison
from raysearch.metrics.generation.two_sample import LEAST, PUBLISHED, ClassifierSettings

CUT = 0.8  # of the other side's most particles; jets that were not cut have as many but for chance
APART = 0.05  # by so much shares of classes may differ without a word

Jets = dict[str, JetClouds]


def evaluate(asked: Asked) -> Found:
    """Compare generated with real jets by every metric that their number allows.

    Raises:
        InputError: files are refused, hold the same jets, too few of them, none of a class that is asked
            for, or particles that are not told relative to the jet; lists all that is found at a time.
    """
    paths = {"real": asked.real, "made": asked.made}
    if asked.other_real is not None:
        paths["other real"] = asked.other_real
    jets: Jets = {}
    for name, path in paths.items():
        asked.told(f"reading {path}")
        whole = load_jet_clouds(path)
        jets[name] = _of_class(name, path, whole, asked)
    n = _a_side(jets)
    told_apart = {name: [each.particles[speaking(each.particles)]] for name, each in jets.items()}
    copies = find_copies(told_apart, paths, "jet")
    _require_comparable(paths, jets, n, copies.problems)
    samples = {name: JetSample(each.particles) for name, each in jets.items()}
    warnings = (
        *copies.warnings,
        *(f"made: {told}" for told in off_axis(jets["made"])),
        *(f"{name}: {told}" for name, each in jets.items() for told in odd(each)),
        *([] if asked.of_class or asked.made_class else _other_classes(jets)),
        *_cut_otherwise(jets),
        *(told for path in paths.values() for told in passed_over(path)),
    )
    found = jet_comparison(*samples.values(), published=asked.published, seed=asked.seed, told=asked.told)
    return Found(_about(asked, paths, jets, n), found.values, found.refused, warnings)


def _of_class(name: str, path: Path, jets: JetClouds, asked: Asked) -> JetClouds:
    """Take the jets of the class that is asked for."""
    wanted = asked.of_class
    if name == "made" and (asked.made_class or not jets.shares):
        wanted = asked.made_class  # what a generator made may be of that class without telling
    if wanted is None:
        return jets
    try:
        return jets.of_class(wanted)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _a_side(jets: Mapping[str, JetClouds]) -> int:
    """How many jets a side, which leaves as many for the floor: see ``beside_itself``."""
    counts = {name: len(each) for name, each in jets.items()}
    if "other real" not in counts:
        counts["real"] //= 2
    return min(counts.values())


def _require_comparable(
    paths: Mapping[str, Path], jets: Mapping[str, JetClouds], n: int, copies: Iterable[str]
) -> None:
    problems = list(copies)
    if n < LEAST:
        counts = ", ".join(f"{len(jets[name]):,} in {path}" for name, path in paths.items())
        halves = "" if "other real" in paths else f"; of {paths['real']} half is needed for the floor"
        problems.append(f"jets: needs {LEAST} a side, got {counts}{halves}")
    for name, path in paths.items():
        # What a generator gives may be anywhere, and is judged; real jets are around their axis.
        told = [*not_relative(jets[name]), *([] if name == "made" else off_axis(jets[name]))]
        problems += [f"{path}: {problem}" for problem in told]
    if problems:
        raise InputError(*problems)


def _other_classes(jets: Mapping[str, JetClouds]) -> Iterator[str]:
    """Tell classes that are mixed otherwise than in the real jets."""
    real = jets["real"].shares
    for name, each in jets.items():
        shares = each.shares
        apart = max((abs(shares.get(key, 0) - real.get(key, 0)) for key in {*shares, *real}), default=0)
        if shares and real and apart > APART:
            told = f"{name}: classes are {_told(shares)}, but {_told(real)} in the real ones"
            yield f"{told}; all figures tell of that too (--class takes one alone)"


def _cut_otherwise(jets: Mapping[str, JetClouds]) -> Iterator[str]:
    """Tell jets that end at fewer particles than the real ones, or go on where these end."""
    most = {name: int((each.particles[..., 2] > 0).sum(axis=1).max()) for name, each in jets.items()}
    for name, found in most.items():
        few, many = sorted((found, most["real"]))
        if few < CUT * many:
            told = f"{name}: jets have at most {found} particles, the real ones {most['real']}"
            yield f"{told}; if one side was cut (a study's space.points), all figures tell of the cut too"


def _told(shares: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {share:.0%}" for name, share in shares.items())


def _about(
    asked: Asked, paths: Mapping[str, Path], jets: Mapping[str, JetClouds], n: int
) -> dict[str, str | int]:
    size = batch_size(n, batches=wasserstein.BATCHES, most=wasserstein.MOST, least=wasserstein.LEAST)
    settings = PUBLISHED if asked.published else ClassifierSettings()
    movers_batches = movers.PUBLISHED_BATCHES if asked.published else movers.BATCHES
    return {
        **{
            name: f"{path}" + (f", classes {_told(jets[name].shares)}" if jets[name].shares else "")
            for name, path in paths.items()
        },
        "jets a side": n,
        "particles a jet": f"the {POINTS} of highest pT",
        "W1 and neighbours": f"mean of up to {wasserstein.BATCHES} batches of {size:,} jets a side",
        "COV and MMD": f"mean of up to {movers_batches} batches of {movers.JETS}",
        "classifiers": f"{settings}, 60 : 20 : 20 for training, validation and test",
        "seed": asked.seed,
    }
