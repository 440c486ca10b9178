"""Published scaling of training beside the projection of a run: what others measured on as many workers."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from raysearch.report.blocks import NONE, Block, Heading, Table, number
from raysearch.scaling.published import CURVES, Checked, check, efficiency

HEAD = (
    "site", "workers", "published: s / epoch", "efficiency", "model: s / epoch", "deviation",
    "this run, projected",
)  # fmt: skip
CAPTION = (
    "Weak scaling, efficiencies of a worker among the fewest of each curve. The model is the one of the "
    "projection, with constants of the site's own that are fitted on the points without a deviation; "
    "nothing of this run enters. Last column: the efficiency that is projected for this run on as many "
    "workers, of its single one. Sites and networks differ, so that only the fall with the workers can be "
    "compared. Endeavour printed 98 % on 256 nodes, which does not follow from its own times (87 %). POWER8, "
    "Piz Daint and Titan printed no times: one worker's epoch is 1. Sources: {}."
)


def published_blocks(projected: Callable[[int], str]) -> list[Block]:
    """Make a heading and the table.

    Args:
        projected: the efficiency of this run on so many workers, as text.
    """
    checked = [check(curve) for curve in CURVES]
    sources = "; ".join(f"{each.curve.name}: {each.curve.source}, {each.curve.remark}" for each in checked)
    table = Table(
        HEAD,
        tuple(line for each in checked for line in _rows(each, projected)),
        CAPTION.format(sources),
        frozenset(range(1, len(HEAD))),
    )
    return [Heading("Published figures beside it", 3), table]


def _rows(checked: Checked, projected: Callable[[int], str]) -> Iterator[tuple[str, ...]]:
    curve = checked.curve
    for workers, seconds in curve.seconds.items():
        deviation = checked.deviations.get(workers)
        yield (
            curve.name,
            number(workers),
            number(seconds),
            f"{100 * efficiency(curve.seconds, workers):.1f} %",
            number(checked.modelled[workers]),
            NONE if deviation is None else f"{100 * deviation:+.1f} %",
            projected(workers),
        )
