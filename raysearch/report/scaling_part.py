"""The part of a series' report that tells how a run scales with its workers, and what many more would do."""

from __future__ import annotations

import math
from collections.abc import Sequence

from raysearch.report.blocks import NONE, PM, Block, Heading, Picture, Table, listing, number, text, warning
from raysearch.report.members import Member
from raysearch.report.scaling_figures import draw_rates, draw_shares
from raysearch.report.scaling_measured import Scaled, is_scaling, scaled_members
from raysearch.report.scaling_published import published_blocks
from raysearch.scaling.cost_model import Layout, strong, weak
from raysearch.scaling.projection import Projection, project

PROJECTED = (1, 2, 4, 8, 16, 32, 64, 128, 256)
LEAST_OVERLAP = 0.8  # of runs whose rates are added up
MOST_WAITING = 0.2  # of the time of steps, above which there is more to it than chance
WORDS = {
    "one": "one worker",
    "weak": "weak",
    "strong": "strong",
    "apart": "apart",
    "batch": "one worker, batches accumulated",
}


def scaling_part(members: Sequence[Member]) -> list[Block]:
    """Make the part; empty for a series of something else, or where no member has ended."""
    if not is_scaling(members):
        return []
    scaled = scaled_members(members)
    base = next((each for each in scaled if each.kind == "one"), None)
    if base is None:
        return []
    blocks: list[Block] = [Heading("Scaling"), _table(scaled, base), *_doubts(scaled)]
    several = [each for each in scaled if each.kind in {"weak", "strong"}]
    if not several:
        return blocks
    projection = project([each.layout for each in scaled if each.kind != "batch"])
    return [
        *blocks,
        Picture(
            "scaling-shares",
            "Shares of the time of steps: " + "; ".join(_shares_told(each) for each in several) + ".",
            "Where the first worker's time of steps went. Waiting: for the slower worker, in what every step "
            "begins and sums up with. Averaging: the exchange of gradients.",
            draw_shares(several),
        ),
        *_projected(scaled, base, projection),
    ]


def _table(scaled: Sequence[Scaled], base: Scaled) -> Table:
    apart = {each.workers: each for each in scaled if each.kind == "apart"}
    rows = tuple(
        (
            each.name,
            WORDS[each.kind],
            number(each.workers),
            number(each.batch),
            f"{each.rate:,.0f}" + (f" {PM} {each.rate_error:,.0f}" if each.rate_error > 0 else ""),
            _percent(each.rate / (each.workers * base.rate)),
            _percent(each.rate / apart[each.workers].rate) if _is_beside(each, apart) else NONE,
            _percent(each.waiting),
            _percent(each.averaging),
            number(each.objective),
        )
        for each in scaled
    )
    head = (
        "member", "", "workers", "batch", "rows / s", "of one worker's", "of apart",
        "waiting", "averaging", f"best {base.objective_name}",
    )  # fmt: skip
    caption = (
        "Rows a second while steps are taken, with the standard error over epochs (the first is left out if "
        "there are others). Weak: each worker keeps the rows of a step, so that the batch grows; strong: the "
        "batch is dealt to them; apart: as many processes at the same time that know nothing of each other, "
        "which is what the machine can do. Of one worker's: rate over that of so many single workers. Larger "
        "batches take fewer steps an epoch, and what that does to the objective stands in the last column."
    )
    return Table(head, rows, caption, frozenset(range(2, len(head))))


def _is_beside(each: Scaled, apart: dict[int, Scaled]) -> bool:
    return each.workers in apart and each.kind in {"weak", "strong"}


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _shares_told(each: Scaled) -> str:
    return (
        f"{each.name} computing {_percent(each.computing)}, waiting {_percent(each.waiting)}, "
        f"averaging {_percent(each.averaging)}"
    )


def _doubts(scaled: Sequence[Scaled]) -> list[Block]:
    """What must be known of the figures."""
    doubts: list[Block] = []
    if lone := [each.name for each in scaled if each.overlap < LEAST_OVERLAP]:
        doubts.append(
            warning(
                f"{listing(lone)}: runs were not all under way for {_percent(1 - LEAST_OVERLAP)} or more of "
                "the time, so that the sum of their rates may be more than the machine can do."
            )
        )
    if idle := [each.name for each in scaled if each.waiting > MOST_WAITING]:
        doubts.append(
            warning(
                f"{listing(idle)}: workers waited for each other more than {_percent(MOST_WAITING)} of the "
                "time. Others were busy on these CPUs, or a step is too short to be shared; a projection of "
                "that says little."
            )
        )
    return doubts


def _projected(scaled: Sequence[Scaled], base: Scaled, projection: Projection) -> list[Block]:
    steps = 1.0  # rates do not depend on how many there are
    one = {name: Layout(1, base.rows, steps) for name in ("weak", "strong")}
    layouts = {
        "weak": [weak(workers, base.rows, steps) for workers in PROJECTED],
        "strong": [strong(workers, base.batch, steps) for workers in PROJECTED],
    }
    rows = tuple(
        (
            number(workers),
            *(
                cell
                for kind in ("weak", "strong")
                for cell in _band(projection, layouts[kind][place], one[kind])
            ),
        )
        for place, workers in enumerate(PROJECTED)
    )
    head = ("workers", "weak: rows / s", "efficiency", "strong: rows / s", "efficiency")
    known = (
        "Latency and bandwidth are fitted on several numbers of workers."
        if projection.is_known
        else "One number of workers cannot tell latency from bandwidth: the lower figure takes all of the "
        "exchange for latency, which grows with the workers, the higher one for bandwidth, which does not."
    )
    return [
        Heading("Projection to 256 workers", 3),
        text(
            "No measurement: a model of cost with constants fitted on the rows above (computing where most "
            f"processes were busy, sigma on what was waited). {_constants(projection)} {known}"
        ),
        Picture(
            "scaling-projection",
            "Rows a second over workers, measured and projected to 256, weak and strong scaling.",
            "Measured points with their standard errors, the model's band (see the text), and as many single "
            "workers as a dashed line.",
            draw_rates(scaled, base, layouts, projection),
        ),
        Table(head, rows, "Efficiency: of the model's own single worker.", frozenset(range(len(head)))),
        *published_blocks(lambda workers: _band(projection, weak(workers, base.rows, steps), one["weak"])[1]),
    ]


def _band(projection: Projection, layout: Layout, one: Layout) -> tuple[str, str]:
    low, high = projection.rates(layout)
    alone = projection.rates(one)[0] * layout.workers
    if high - low < 1e-3 * high:
        return f"{high:,.0f}", _percent(high / alone)
    return f"{low:,.0f} to {high:,.0f}", f"{_percent(low / alone)} to {_percent(high / alone)}"


def _constants(projection: Projection) -> str:
    words = {"step_s": "a step", "row_s": "a row", "latency_s": "a message", "message_s": "all gradients"}
    computing, errors = projection.computing.constants, projection.computing.errors
    told = [
        f"{words[name]} {1e3 * getattr(computing, name):.3g}"
        + ("" if math.isnan(error) else f" {PM} {1e3 * error:.1g}")
        for name, error in errors.items()
    ]
    told.append(f"{words['latency_s']} at most {1e3 * projection.all_latency.latency_s:.3g}")
    told.append(f"{words['message_s']} at most {1e3 * projection.all_bandwidth.message_s:.3g}")
    return f"In ms: {listing(told)}; spread of the workers' steps, sigma = {computing.sigma:.2f}."
