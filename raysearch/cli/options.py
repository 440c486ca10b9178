"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

Runs = Annotated[Path, typer.Option("--runs", help="Folder that holds the studies.")]
Address = Annotated[
    str | None,
    typer.Option("--address", envvar="RAY_ADDRESS", help="Ray cluster to run on ('auto' on its head node)."),
]
InProcess = Annotated[
    bool, typer.Option("--local", help="Run in this process, one run after another, without Ray (debugging).")
]
Wait = Annotated[
    bool | None,
    typer.Option(
        "--wait/--no-wait",
        help="Whether to end only when the report is written; on a terminal that goes on in the background.",
        show_default=False,
    ),
]
Format = Annotated[Literal["table", "json"], typer.Option("--format", "-f", help="How to print.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the study.")]
Trial = Annotated[str, typer.Option("--from", metavar="TRIAL", help="Which trial: best, or its number.")]
SpaceName = Annotated[
    str, typer.Argument(metavar="SPACE", help="Name of a shipped space file, or the path of your own.")
]
TaskOrSpace = Annotated[
    str,
    typer.Argument(metavar="TASK|SPACE", help="A task, a shipped space file, or the path of your own."),
]
Variant = Annotated[
    str | None, typer.Option("--variant", help="Which of the file's variants; default the first.")
]
DataPath = Annotated[
    list[Path] | None,
    typer.Option(
        "--data", help="File or folder of data instead of the sample; given several times, all are read."
    ),
]
Seed = Annotated[int | None, typer.Option("--seed", help="Seed of everything random.")]
StudyName = Annotated[
    str | None, typer.Option("--name", help="Name of the study; default SPACE-SAMPLER-TIME.")
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a key, such as budget.epochs=20."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check everything, start nothing.")]
Epochs = Annotated[int | None, typer.Option("--epochs", help="Passes over the training data.")]
GoOn = Annotated[bool, typer.Option("--resume", help="Go on if a study of that name exists.")]
Which = Annotated[
    str,
    typer.Option("--from", metavar="TRIAL", help="best, a trial's number, or pruned (see raysearch prune)."),
]
Device = Annotated[str, typer.Option("--device", help="Where to compute: cpu, cuda, or cuda:N.")]


def whole_numbers(texts: str) -> list[int]:
    """Read ``N,M``; what is no number is 0, which the library refuses."""
    return [int(text) if text.isdigit() else 0 for text in texts.split(",")]
