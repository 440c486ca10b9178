"""The report of a series: best settings and figures of its members, and how they follow what is varied.

For the JEDI-net paper's series these are its tables 1 and 2 (arXiv:1908.05318): best settings and validation
loss by number of particles, one table for each form of phi_C, with the published lines below ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from raysearch.ledger.history import History
from raysearch.report.blocks import (
    NONE,
    Block,
    Cell,
    Code,
    Heading,
    Mono,
    Table,
    listing,
    number,
    text,
    warning,
)
from raysearch.report.build import FOLDER, write_page
from raysearch.report.comparable import comparable
from raysearch.report.dependence import dependence
from raysearch.report.measured import Measured
from raysearch.report.members import Member, grouped, read_members, row_key, short
from raysearch.report.models import compared, main_figures, overview, progress
from raysearch.report.published import Published, joined
from raysearch.report.scaling_part import scaling_part
from raysearch.report.style import hep_style
from raysearch.report.training_part import training_part
from raysearch.report.verdict import simulated


def build_series_report(folder: Path, named: str = "") -> Path:
    """Write ``report/`` into a series' folder; the members' own reports are left as they are.

    Args:
        folder: of the series.
        named: the series as a command is given it, such as ``paper --runs other``; by default the folder's
            name.

    Returns:
        Path of ``index.html``.

    Raises:
        StorageError: ``series.yaml`` or a ledger is damaged.
        FolderError: the report cannot be written.
    """
    place = folder / FOLDER
    with hep_style():
        write_page(place, f"Series {folder.name}", content(folder, read_members(folder, place), named))
    return place / "index.html"


def content(folder: Path, members: Sequence[Member], named: str = "") -> list[Block]:
    """Make the whole content of the report of a series; ``named`` as for :func:`build_series_report`."""
    named = named or folder.name
    models = [member.model for member in members if member.model is not None]
    blocks: list[Block] = [*_standing(members, named), *simulated([model.history for model in models])]
    blocks += [Heading("Best settings"), *best_settings(members)]
    if any(model.history.best for model in models):
        blocks += [Heading("Members side by side"), *comparable(models), *overview(models)]
        blocks += [*compared(models), *training_part(models), *dependence(members)]
        blocks += scaling_part(members)
    _, *options = named.split(" ")
    going_on = [
        f"raysearch report {named}   # make this report again",
        f"{' '.join(['raysearch dashboard', *options])}   # browse the runs",
    ]
    if _unfinished(members):
        going_on.insert(0, f"raysearch resume {named}   # finish what is still to do")
    return [*blocks, Heading("Going on"), Code("\n".join(going_on))]


def series_lines(folder: Path) -> list[str]:
    """Write the series as a table for a terminal: a line for each member, published losses beside ours.

    Raises:
        StorageError: ``series.yaml`` or a ledger is damaged.
    """
    members = read_members(folder, folder / FOLDER)
    objective = next((member.model.history.created.objective for member in members if member.model), "best")
    words = main_figures([member.model for member in members if member.model])
    names = [objective, *words]
    rows = [["member", "trials", objective, "published", *(each.short for each in words.values())]]
    for member in members:
        model = member.model
        figures = model.figures if model else {}
        done = _trials(model.history) if model else "not begun"
        cells = [_terse(figures.get(name)) for name in names]
        rows.append([member.name, done, cells[0], joined(member.published, objective) or "-", *cells[1:]])
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = ["  ".join([name.ljust(widths[0]), *map(str.rjust, cells, widths[1:])]) for name, *cells in rows]
    sources = dict.fromkeys(
        entry.source for member in members for entry in member.published if objective in entry.metrics
    )
    return [*(line.rstrip() for line in lines), *(f"published: {source}" for source in sources)]


def _terse(figure: Measured | None) -> str:
    """Write four digits and no error, or a whole number whole."""
    if figure is None:
        return "-"
    return str(figure) if isinstance(figure.value, int) else f"{figure.value:.4g}"


def _unfinished(members: Sequence[Member]) -> list[Member]:
    return [member for member in members if not (member.model and member.model.history.is_complete)]


def _standing(members: Sequence[Member], named: str) -> list[Block]:
    """Say what the series is, and what of it is missing."""
    varied = [
        f"{short(key)} ({', '.join(dict.fromkeys(str(member.varied[key]) for member in members))})"
        for key in members[0].varied
    ]
    over = f", over {listing(varied)}" if varied else ""
    done = len(members) - len(_unfinished(members))
    blocks: list[Block] = [text(f"{len(members)} studies, {done} of them complete{over}.")]
    missing = [
        f"{member.name} ({progress(member.model.history) if member.model else 'not begun'})"
        for member in _unfinished(members)
    ]
    if missing:
        told = f"Not complete: {listing(missing)}. What is shown of these may change. To go on: "
        blocks.append(warning(told, Mono(f"raysearch resume {named}")))
    blocks += [
        warning(f"{member.name}: ", *each.parts)
        for member in members
        if member.model
        for each in member.model.result.warnings
    ]
    return blocks


def best_settings(members: Sequence[Member]) -> list[Block]:
    """Tables of best settings and validation results, published lines below ours; a table for each group."""
    key, blocks = row_key(members), list[Block]()
    objective = next((member.model.history.created.objective for member in members if member.model), "")
    names = list(
        dict.fromkeys(
            name for member in members if member.model for name in member.model.history.created.settings
        )
    )
    for group, inside in grouped(members, key).items():
        blocks += [Heading(group, 3)] if group else []
        rows: list[tuple[Cell, ...]] = []
        for member in inside:
            rows.append(_own_line(member, key, objective, names))
            rows += [_published_line(entry, member, key, objective, names) for entry in member.published]
        marked = frozenset(place for place, row in enumerate(rows) if row[1] == "here")
        head = (short(key) or "member", "", objective or "best", *names, "trials")
        numbers = frozenset({0, 2} if key else {2})
        blocks.append(Table(head, tuple(rows), numbers=numbers, marked=marked))
    sources = dict.fromkeys(entry.source for member in members for entry in member.published)
    told = "Best of each member's trials by its objective on validation data"
    told += (
        "; lines that name a source are published, from other data and other training: "
        f"{listing(list(sources))}."
        if sources
        else "."
    )
    return [*blocks, text(told)]


def _own_line(member: Member, key: str, objective: str, names: Sequence[str]) -> tuple[Cell, ...]:
    label = number(member.varied.get(key, member.name))
    if member.model is None:
        return (label, "here", "not begun", *(NONE for _ in names), NONE)
    history = member.model.history
    if history.best is None:
        return (label, "here", NONE, *(NONE for _ in names), _trials(history))
    settings = {
        **history.created.space_file["space"],
        **history.best.settings,
    }  # held in some, searched in others
    chosen = [number(settings.get(name)) for name in names]
    return (label, "here", str(member.model.figures[objective]), *chosen, _trials(history))


def _trials(history: History) -> str:
    return f"{history.n_committed}/{history.n_trials}"


def _published_line(
    entry: Published, member: Member, key: str, objective: str, names: Sequence[str]
) -> tuple[Cell, ...]:
    chosen = [number(entry.settings.get(name)) for name in names]
    label = number(member.varied.get(key, member.name))
    return (label, entry.source, entry.text_of(objective) or NONE, *chosen, "")
