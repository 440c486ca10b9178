"""The table of a pruning, for a page and for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from raysearch.after.prune_table import Metrics, Round, Table
from raysearch.files import write_durably

SHOWN = ("accuracy", "auc")  # beside the objective, where a task has them
HEADER = ("round", "dropped", "% weights", "% parameters", "parameters left", "MFLOP left")


def table_rows(table: Table, objective: str, *, before: bool = True) -> list[list[str]]:
    """Header and one row for each round, as text.

    Args:
        table: what is known.
        objective: the metric that is shown first.
        before: tell each metric before retraining, too.
    """
    names = shown(table.rounds[0].pruned, objective)
    told = ("pruned ", "") if before else ("",)
    header = [*HEADER, *(f"{when}{name}" for name in names for when in told)]
    return [header, *(_row(one, names, before=before) for one in table.rounds)]


def test_rows(table: Table, objective: str) -> list[list[str]]:
    """Header and one row each for the model that was found and the last one, on the test part."""
    names = [f"test_{name.removeprefix('val_')}" for name in shown(table.rounds[0].pruned, objective)]
    last = table.rounds[-1]
    counts = (
        # As of round 0, whose network is the found one's: counted in the same way as the pruned one's.
        ("found", last.parameters, table.rounds[0].nonzero_mflop),
        ("pruned", last.parameters - last.dropped, last.nonzero_mflop),
    )
    metrics = (table.first, table.last)
    return [
        ["model", "parameters", "MFLOP", *names],
        *(
            [word, f"{parameters:,}", f"{mflop:.4g}", *(f"{found[name]:.4f}" for name in names)]
            for (word, parameters, mflop), found in zip(counts, metrics, strict=True)
        ),
    ]


def shown(metrics: Metrics, objective: str) -> list[str]:
    """Names of the metrics that a table shows: the objective, then what people know."""
    wanted = (objective, *(f"val_{name}" for name in SHOWN))
    return [name for name in dict.fromkeys(wanted) if name in metrics]


def _row(one: Round, names: Sequence[str], *, before: bool) -> list[str]:
    metrics = (one.pruned, one.retrained) if before else (one.retrained,)
    return [
        str(one.number),
        f"{one.dropped:,}",
        f"{100 * one.dropped / one.weights:.1f}",
        f"{100 * one.dropped / one.parameters:.1f}",
        f"{one.parameters - one.dropped:,}",
        f"{one.nonzero_mflop:.4g}",
        *(f"{found[name]:.4f}" for name in names for found in metrics),
    ]


def write_report(table: Table, path: Path, objective: str) -> None:
    """Write the page, in Markdown."""
    identity = table.identity
    patience = (
        "" if identity["patience"] is None else f", early stopping with patience {identity['patience']}"
    )
    text = f"""# Pruning of trial {identity["trial"]} of {identity["study"]}

Iterative magnitude pruning and retraining as in arXiv:1804.06913 (its code's schedule: 32.7, 47.5, 56.5,
63.0, 66.7, 70.0 and 71.7 % of the weights): weights are ranked by |w| over the largest |w| of their layer,
over all layers together; biases stay. Each round retrains what is left (epochs: at most
{identity["epochs"]}{patience}), with an L1 penalty of {identity["l1"]:g} on weights; the epoch that is best
on validation data counts. Round 0 drops nothing. MFLOP: 10^6 operations per example, multiply and add
counted each, of the products that no zero makes needless, be it of a dropped weight or of the network as it
was found, all of whose products are {table.mflop:.4g}.

## Rounds, on validation data

Dropped: weights that are zero by now, as a share of the weights, and of all parameters with biases.
"pruned" metrics are those before retraining.

{_markdown(table_rows(table, objective))}

## Found and pruned model, on the test part, evaluated once after the last round

{_markdown(test_rows(table, objective))}

The found model was trained by the study, without the penalty; round 0 is the fair comparison of what pruning
costs. "70 % pruned" in the literature may be of weights or of all parameters, biases included: both columns
are given. One model, one fold (fold {identity["fold"]}): differences of the size of a fold's spread mean
nothing.
"""
    write_durably(path, text.encode())


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    header, *lines = rows
    return "\n".join(f"| {' | '.join(line)} |" for line in (header, ["---:"] * len(header), *lines))
