"""What others have published on the scaling of training, and what the model makes of one half of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from raysearch.scaling.cost_model import epoch_s, weak
from raysearch.scaling.fit import Fitted, Point, fit

HOUR = 3600.0


@dataclass(frozen=True)
class Curve:
    """Seconds of an epoch on one site, by workers, each with as many rows a step on any number of them.

    Attributes:
        name, source: site, and where the figures stand.
        seconds: of an epoch, by workers.
        fitted_on: the half of the points that constants are fitted on; the others are predicted.
        free: which constants, for one that the points cannot tell from another is none of theirs.
        remark: how the figures were got from what is printed.
    """

    name: str
    source: str
    seconds: Mapping[int, float]
    fitted_on: tuple[int, ...]
    free: tuple[str, ...] = ("step_s",)
    remark: str = ""


CURVES = (
    Curve(
        "Stampede2, Xeon 8160 nodes, 2018",
        "3DGAN; Vallecorsa et al., LNCS 11203",
        {1: 5.0 * HOUR, 128: 149.0},
        (1,),
        remark="one node: printed as slightly below 5 h",
    ),
    Curve(
        "Endeavour, Xeon 8260 nodes",
        "3DGAN distributed training and genetic algorithms",
        {1: 1.8 * HOUR, 128: 53.0, 256: 29.0},
        (1, 128),
        ("step_s", "latency_s"),
        remark="one node: 5 h / 2.8; 128 nodes: printed as below 53 s",
    ),
    Curve(
        "cloud V100, prefetch",
        "angle 3DGAN; Cardoso et al., EPJ Web Conf. 251 (2021) 02073, tfjobs_runs_reduced.csv",
        {2: 1779.3, 4: 899.0, 8: 453.1, 16: 227.6, 32: 116.35, 64: 59.35, 128: 33.2},
        (2, 4, 8, 16),
        ("step_s", "latency_s"),
        remark="batch 96 a replica; 32 GPUs: the middle of 115.0 and 117.7",
    ),
    Curve(
        "IBM POWER8 with P100, training alone",
        "Evaluating POWER Architecture for Distributed Training of GANs",
        {1: 1.0, 12: 1.0 / (12 * 0.989)},
        (1,),
        remark="printed as an efficiency, 98.9 %; in units of one GPU's time",
    ),
    Curve(
        "Piz Daint and Titan, asynchronous",
        "GAN; EPJ Web Conf. 214 (2019) 06025",
        {1: 1.0, 20: 1.0 / 10, 100: 1.0 / 20},
        (1, 100),
        ("step_s", "latency_s"),
        remark="in words: a speed-up of 1:2 a worker up to 20, of 20 on 100; in units of one worker's time",
    ),
)


@dataclass(frozen=True)
class Checked:
    """A curve, the constants fitted on half of it, and what these say of all of it, by workers."""

    curve: Curve
    fitted: Fitted
    modelled: Mapping[int, float]

    @property
    def deviations(self) -> dict[int, float]:
        """Modelled over published, less one, of the points that were not fitted on."""
        seconds = self.curve.seconds
        return {
            workers: modelled / seconds[workers] - 1.0
            for workers, modelled in self.modelled.items()
            if workers not in self.curve.fitted_on
        }


def check(curve: Curve) -> Checked:
    """Fit a curve's own constants on half of its points and model all of them.

    How many steps an epoch has is not published, so one worker's epoch stands for one step: constants are
    seconds of all steps of one worker's epoch. Rows and what is fixed cannot be told from them then.
    """
    layouts = {workers: weak(workers, rows=1.0, steps=1.0) for workers in curve.seconds}
    fitted = fit([Point(layouts[each], curve.seconds[each]) for each in curve.fitted_on], curve.free)
    return Checked(curve, fitted, {w: epoch_s(fitted.constants, layouts[w]) for w in curve.seconds})


def efficiency(seconds: Mapping[int, float], workers: int) -> float:
    """What a worker of ``workers`` does of what one of the fewest does."""
    fewest = min(seconds)
    return fewest * seconds[fewest] / (workers * seconds[workers])
