"""Several studies' best models side by side: what a comparison and the report of a series share."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from raysearch.ledger.history import History, read_history
from raysearch.report.blocks import (
    NONE,
    PM,
    Block,
    Cell,
    Heading,
    Link,
    Table,
    Text,
    listing,
    number,
    text,
    warning,
)
from raysearch.report.final_part import HOW_COUNTED, caveats, latency_text
from raysearch.report.measured import COST, Measured
from raysearch.report.published import Published, joined, published_for
from raysearch.report.shown import PARTS
from raysearch.report.shown.part import Part, Side, Words
from raysearch.report.states import run_words
from raysearch.report.test_result import TestResult, read_result

COST_WORDS = {
    "parameters": Words("parameters", "param."),
    "mflop": Words("MFLOP per example", "MFLOP"),
}


@dataclass(frozen=True)
class Model:
    """A study's best model, or those of its runs.

    Attributes:
        name: of the study, or of the member of a series.
        page: path of the study's own report from the page that is made, empty where there is none.
        history: the study's.
        result: its test.
        published: what papers report for its space.
    """

    name: str
    page: str
    history: History
    result: TestResult
    published: Sequence[Published]

    @property
    def link(self) -> Cell:
        """Its name, with a link to its own report where there is one."""
        return Link(self.name, self.page) if self.page else self.name

    @property
    def figures(self) -> Mapping[str, Measured]:
        """All its figures by name; those of what it shows also by name and subject."""
        of_subjects = {
            _of_subject(name, part.subject): self.result.figures[part.about.named(name)]
            for part in self.result.parts
            for name in part.MAIN
            if part.subject and part.about.named(name) in self.result.figures
        }
        return {**of_subjects, **self.result.figures}


def read_model(folder: Path, page_folder: Path, name: str = "") -> Model:
    """Read a study as one of several.

    Args:
        folder: the study's.
        page_folder: where the page is written that tells of it.
        name: shown instead of the study's own.

    Raises:
        StorageError: no ledger there, or damage in it.
    """
    history = read_history(folder)
    own = folder / "report" / "index.html"
    page = Path(os.path.relpath(own, page_folder)).as_posix() if own.is_file() else ""
    published = published_for(history.created.space_file)
    return Model(name or history.name, page, history, read_result(folder, history), published)


def progress(history: History) -> str:
    """Say how far a study is: ``20 trials``, or ``3 of 20 trials``."""
    return (
        f"{history.n_trials} trials"
        if history.is_complete
        else f"{history.n_committed} of {history.n_trials} trials"
    )


def main_figures(models: Sequence[Model]) -> dict[str, Words]:
    """The few figures that tell of a model: of what it shows, else its test metrics; and what it costs."""
    words: dict[str, Words] = {}
    for kind in PARTS.values():
        subjects = _subjects(models, kind)
        for subject in subjects:
            words |= _words(kind, subject if len(subjects) > 1 else "")
    if not words:
        of_test = [name for model in models for name in model.figures if name.startswith("test_")]
        words = {name: Words(name, name) for name in of_test}
    return {
        name: each
        for name, each in (words | COST_WORDS).items()
        if any(name in model.figures for model in models)
    }


def overview(models: Sequence[Model]) -> list[Block]:
    """What each model was trained on and how good it is; then what it costs, beside published costs."""
    words = {name: each.long for name, each in main_figures(models).items() if name not in COST}
    objectives = dict.fromkeys(model.history.created.objective for model in models)
    head = ("model", "search", "trained on", *objectives, "uncertainty", *words.values())
    rows = tuple(_quality_row(model, [*objectives], [*words]) for model in models)
    n_left = 3 + len(objectives)
    numbers = frozenset({*range(2, n_left), *range(n_left + 1, len(head))})
    return [Table(head, rows, what_errors_are(models), numbers), *_cost(models)]


def what_errors_are(models: Sequence[Model]) -> str:
    """Say what stands behind the plus-minus, of each kind that :func:`uncertainty` names."""
    of_runs = run_words([model.history for model in models])
    return (
        f"{PM}: as the column of uncertainty says; 'test set': one model, {_of_test_set(models)}; 'sd of K': "
        f"sample standard deviation over the models of K {of_runs}, of test figures on one test set."
    )


def uncertainty(model: Model) -> str:
    """Name the kind of error that a model's figures have."""
    k = len(model.result.tests)
    return NONE if not k else "test set" if k == 1 else f"sd of {k}"


def test_set_warnings(models: Sequence[Model]) -> list[str]:
    """The warnings that not all models were applied to one test set, each once, without a page's marks."""
    told = [
        "".join(map(str, each.parts))
        for kind in PARTS.values()
        for place, subject in enumerate(_subjects(models, kind))
        for each in one_test_set(_sides(models, kind, subject, place))
        if each.warning
    ]
    return list(dict.fromkeys(told))


test_set_warnings.__test__ = False  # type: ignore[attr-defined] # whatever pytest makes of the name


def _of_test_set(models: Sequence[Model]) -> str:
    """What the uncertainty of one model is: of all parts the same, or in general."""
    told = {part.ERROR for model in models for part in model.result.parts}
    return told.pop() if len(told) == 1 else Part.ERROR


def compared(models: Sequence[Model]) -> list[Block]:
    """What the models show, side by side: a part of the page for each type of value that one shows."""
    blocks: list[Block] = []
    for kind in PARTS.values():
        for place, subject in enumerate(_subjects(models, kind)):
            sides = _sides(models, kind, subject, place)
            if shown := kind.compared(sides):
                told = caveats([entry for side in sides for entry in side.published])
                title = f"Test set, {subject}" if place else "Test set"
                blocks += [Heading(title), *one_test_set(sides), *told, *shown]
    return [*blocks, *_other_metrics(models)]


def _subjects(models: Sequence[Model], kind: type[Part[Any]]) -> list[str]:
    """What the values of a type are of, in all models; one that is empty where there is nothing to tell."""
    return list(dict.fromkeys(part.subject for model in models for part in model.result.of(kind)))


def _sides(models: Sequence[Model], kind: type[Part[Any]], subject: str, place: int) -> list[Side[Any]]:
    """The models that show values of a type and subject, with the first part of it."""
    return [
        Side(model.name, model.link, parts[0], model.figures, model.published, place)
        for model in models
        if (parts := [part for part in model.result.of(kind) if part.subject == subject])
    ]


def _of_subject(name: str, subject: str) -> str:
    return f"{name}: {subject}"


def _words(kind: type[Part[Any]], subject: str) -> dict[str, Words]:
    """The main figures of a type, with what they are of if that is to be told."""
    if not subject:
        return dict(kind.MAIN)
    return {
        _of_subject(name, subject): Words(f"{each.long}, {subject}", f"{each.short}, {subject}")
        for name, each in kind.MAIN.items()
    }


def _other_metrics(models: Sequence[Model]) -> list[Block]:
    """Metrics of the test set that no part has: those that a task computes itself."""
    shown = {f"test_{name}" for model in models for part in model.result.parts for name in part.figures()}
    names = dict.fromkeys(
        name for model in models if model.result.parts for name in model.figures if name.startswith("test_")
    )
    rows = tuple(
        (name, *(str(model.figures.get(name, NONE)) for model in models))
        for name in names
        if name not in shown
    )
    if len(rows) < 2:  # the loss alone stands in the overview
        return []
    head = ("metric", *(model.name for model in models))
    told = "The tasks' own metrics of the test set."
    return [Heading("Metrics of the test set"), Table(head, rows, told, frozenset(range(1, len(head))))]


def _quality_row(model: Model, objectives: Sequence[str], names: Sequence[str]) -> tuple[Cell, ...]:
    created = model.history.created
    return (
        model.link,
        progress(model.history),
        number(created.data.get("n_train")),
        *(
            str(model.figures[name]) if name == created.objective and name in model.figures else NONE
            for name in objectives
        ),
        uncertainty(model),
        *(str(model.figures.get(name, NONE)) for name in names),
    )


def _cost(models: Sequence[Model]) -> list[Block]:
    """Weights, operations and time of every model, and what sources report of theirs."""
    known = [name for name in COST if any(name in model.figures for model in models)]
    if not known:
        return []
    told = [name for name in known if any(joined(model.published, name) for model in models)]
    head = [
        "model",
        *(
            cell
            for name in known
            for cell in (COST_WORDS[name].long, *(["published"] if name in told else []))
        ),
    ]
    n_numbers = len(head)
    head += ["inference", *(["source of published"] if told else [])]
    rows: list[tuple[Cell, ...]] = []
    for model in models:
        row: list[Cell] = [model.link]
        for name in known:
            row.append(str(model.figures.get(name, NONE)))
            row += [joined(model.published, name) or NONE] if name in told else []
        row.append(latency_text(model.result, model.history.sessions[-1][0].cpu) or NONE)
        if told:
            sources = [
                entry.source for entry in model.published if any(name in entry.metrics for name in told)
            ]
            row.append("; ".join(sources) or NONE)
        rows.append(tuple(row))
    caption = f"Counted from the networks as they are. {HOW_COUNTED}"
    return [Heading("Cost", 3), Table(tuple(head), tuple(rows), caption, frozenset(range(1, n_numbers)))]


def one_test_set(sides: Sequence[Side[Any]]) -> list[Text]:
    """Say whether all models were applied to the same test set; nothing of one alone, nor of examples.

    Examples may be such as a model did well or badly on, and so others of the same test set.
    """
    first = sides[0].part
    if len(sides) < 2 or not first.COMBINED:
        return []
    n_test, of_data = first.about.tests[0].n_test, first.about.units
    same = all(
        side.part.about.history.created.data.get("files") == first.about.history.created.data.get("files")
        and np.array_equal(side.part.truth(side.part.first), first.truth(first.first))
        for side in sides
    )
    if same:
        return [text(f"All models were applied to the same {n_test:,} test {of_data}.")]
    sizes = listing([f"{side.name} {side.part.about.tests[0].n_test:,}" for side in sides])
    return [
        warning(
            f"The models were not applied to the same test set (other files, or other {of_data} of them; "
            f"sizes: {sizes}), so that differences between them hold those between their test sets."
        )
    ]
