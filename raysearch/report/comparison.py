"""The report of several studies side by side: figures and cost of their best models, and what these show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from raysearch.errors import FolderError, InputError
from raysearch.report.blocks import NONE, Block, Heading, Table, Text, listing, number, text, warning
from raysearch.report.build import write_page
from raysearch.report.comparable import comparable
from raysearch.report.dependence import learning_curves
from raysearch.report.models import Model, compared, overview, read_model
from raysearch.report.style import hep_style
from raysearch.report.training_part import training_part
from raysearch.report.verdict import simulated


def build_comparison(folders: Sequence[Path], out: Path) -> Path:
    """Write the comparison of several studies.

    Args:
        folders: of the studies, at least two.
        out: folder that becomes the report (``index.html``, ``report.md``, ``figures/``), in place of an
            older one.

    Returns:
        Path of ``index.html``.

    Raises:
        InputError: fewer than two studies, or ``out`` holds something else.
        StorageError: a ledger is missing or damaged.
        FolderError: the report cannot be written.
    """
    if len(folders) < 2:
        raise InputError(f"compare: needs at least two studies, got {len(folders)}")
    if out.exists() and not (out / "report.md").is_file() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out}: exists and is no report; give another folder")
    models = _distinct([read_model(folder, out) for folder in folders], folders)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FolderError(f"{out.parent}: cannot be made: {error.strerror}") from error
    with hep_style():
        write_page(out, f"Comparison of {listing([model.name for model in models])}", content(models))
    return out / "index.html"


def content(models: Sequence[Model]) -> list[Block]:
    """Make the whole content of a comparison."""
    blocks: list[Block] = [text(f"{len(models)} studies side by side."), *_told(models)]
    blocks += [Heading("Overview"), *comparable(models), *overview(models)]
    blocks += [Heading("Best settings"), settings_table(models)]
    return [*blocks, *compared(models), *learning_curves(models), *training_part(models)]


def settings_table(models: Sequence[Model]) -> Table:
    """Every model's settings, searched and held, one column each."""
    settings = [
        {
            name: value
            for name, value in model.history.created.space_file["space"].items()
            if not isinstance(value, dict)
        }
        | (model.history.best.settings if model.history.best else {})
        for model in models
    ]
    names = dict.fromkeys(name for each in settings for name in each)
    rows = tuple(
        (name, *(number(each[name]) if name in each else NONE for each in settings)) for name in names
    )
    return Table(("setting", *(model.name for model in models)), rows)


def _told(models: Sequence[Model]) -> list[Text]:
    """Warnings of each model, under its name."""
    told = [warning(f"{model.name}: ", *each.parts) for model in models for each in model.result.warnings]
    told += simulated([model.history for model in models])
    told += [
        warning(f"{model.name}: no trial has finished, so there is nothing to compare yet.")
        for model in models
        if model.history.best is None
    ]
    return told


def _distinct(models: list[Model], folders: Sequence[Path]) -> list[Model]:
    """Tell studies of one name apart by their folders."""
    counts = Counter(model.name for model in models)
    return [
        replace(model, name=str(folder)) if counts[model.name] > 1 else model
        for model, folder in zip(models, folders, strict=True)
    ]
