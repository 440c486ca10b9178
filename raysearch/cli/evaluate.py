"""``raysearch evaluate``: made data beside real ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from raysearch.cli.options import Format


def evaluate(
    real: Annotated[Path, typer.Argument(metavar="REAL", help="Real data, a file or folder.")],
    made: Annotated[Path, typer.Argument(metavar="MADE", help="What a generator made.")],
    kind: Annotated[
        str | None,
        typer.Option("--kind", "-k", help="showers or jets; found in REAL if not given.", show_default=False),
    ] = None,
    other_real: Annotated[
        Path | None,
        typer.Option(
            "--other-real", metavar="FILES", help="Real data for the floor, instead of half of REAL."
        ),
    ] = None,
    of_class: Annotated[
        str | None, typer.Option("--class", metavar="NAME", help="Jets of this class alone: g, q, w, z or t.")
    ] = None,
    made_class: Annotated[
        str | None, typer.Option("--made-class", metavar="NAME", help="The same, of MADE, if it is another.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write it there too, as .md or .json.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Same seed, same figures.")] = 0,
    published: Annotated[
        bool,
        typer.Option("--published", help="Networks and batches of published size; 30 times the work."),
    ] = False,
    output: Format = "table",
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
) -> None:
    """Judge generated data: each figure beside that of real data against real.

    raysearch evaluate test.h5 generated.h5 --out judged.md
    """
    from raysearch.cli.text_table import aligned
    from raysearch.library.evaluate import check_form
    from raysearch.library.evaluate import evaluate as judge

    if out is not None:
        check_form(out, force=force)
    found = judge(
        real,
        made,
        kind=kind,
        other_real=other_real,
        seed=seed,
        published=published,
        of_class=of_class,
        made_class=made_class,
        told=lambda what: typer.echo(f"{what} ...", err=True),
        warned=lambda _: None,  # they stand below the table
    )
    if out is not None:
        found.write(out, force=force)
    facts = found.facts()
    if output == "json":
        typer.echo(json.dumps(facts, indent=2))
        return
    for line in aligned([[f"{name}:", str(value)] for name, value in facts["about"].items()], right=False):
        typer.echo(line)
    typer.echo()
    for line in aligned(found.rows()):
        typer.echo(line)
    for name, why in facts["refused"].items():
        typer.echo(f"no {name}: {why}")
    for told in facts["warnings"]:
        typer.echo(f"warning: {told}")
