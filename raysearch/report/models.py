"""Several studies' best models side by side: what a comparison and the report of a series share."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from raysearch.ledger.history import History, read_history
from raysearch.report.blocks import (
    NONE,
    PM,
    Block,
    Cell,
    Heading,
    Link,
    Picture,
    Table,
    Text,
    listing,
    number,
    text,
    warning,
)
from raysearch.report.energy_part import compared_energies
from raysearch.report.final_part import energy_of, latency_text
from raysearch.report.measured import Measured, fold_results, measured, over_folds
from raysearch.report.predictions import TestResult, noun, read_result
from raysearch.report.published import FAMILIES, Published, by_class_table, caveats, joined, published_for
from raysearch.report.roc import ClassResult
from raysearch.report.roc_figures import draw_rejection, draw_roc, efficiency_band, rejection_band

IN_WORDS = {
    "accuracy": "accuracy",
    "auc": "mean AUC",
    "relative_error": "relative error",
    "bias": "bias",
    "resolution": "resolution",
    "parameters": "parameters",
    "mflop": "MFLOP per example",
}
COST = ("parameters", "mflop")


@dataclass(frozen=True)
class Model:
    """A study's best model, or those of its runs.

    Attributes:
        name: of the study, or of the member of a series.
        page: path of the study's own report from the page that is made, empty where there is none.
        history: the study's.
        result: its test.
        folds: :func:`raysearch.report.measured.fold_results` of the test.
        figures: :func:`raysearch.report.measured.measured` of all that.
        published: what papers report for its space.
    """

    name: str
    page: str
    history: History
    result: TestResult
    folds: Sequence[Sequence[ClassResult]]
    figures: Mapping[str, Measured]
    published: Sequence[Published]

    @property
    def link(self) -> Cell:
        """Its name, with a link to its own report where there is one."""
        return Link(self.name, self.page) if self.page else self.name

    @property
    def classes(self) -> list[str]:
        """Classes that were evaluated."""
        return [each.name for each in self.folds[0]] if self.folds else []


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
    result = read_result(folder, history)
    folds = fold_results(result)
    own = folder / "report" / "index.html"
    page = Path(os.path.relpath(own, page_folder)).as_posix() if own.is_file() else ""
    return Model(
        name or history.created.study,
        page,
        history,
        result,
        folds,
        measured(history, result, folds),
        published_for(history.created.space_file),
    )


def progress(history: History) -> str:
    """Say how far a study is: ``20 trials``, or ``3 of 20 trials``."""
    return (
        f"{history.n_trials} trials"
        if history.is_complete
        else f"{history.n_committed} of {history.n_trials} trials"
    )


def main_figures(figures: Sequence[Mapping[str, Measured]]) -> list[str]:
    """Names of the few figures that tell of a model: those of its kind, else its test metrics; and what it costs."""
    names = list(IN_WORDS)
    if not any("accuracy" in each or "relative_error" in each for each in figures):
        names = [*(name for each in figures for name in each if name.startswith("test_")), *names]
    return [name for name in dict.fromkeys(names) if any(name in each for each in figures)]


def overview(models: Sequence[Model]) -> list[Block]:
    """What each model was trained on and how good it is; then what it costs, beside published costs."""
    names = [name for name in main_figures([model.figures for model in models]) if name not in COST]
    objectives = dict.fromkeys(model.history.created.objective for model in models)
    head = (
        "model",
        "search",
        "trained on",
        *objectives,
        "uncertainty",
        *(IN_WORDS.get(name, name) for name in names),
    )
    rows = tuple(_quality_row(model, [*objectives], names) for model in models)
    caption = (
        f"{PM}: as the column of uncertainty says; 'test set': one model, {_of_test_set(models)}; 'sd of K': sample "
        f"standard deviation over the models of K {run_words(models)}, of test figures on one test set."
    )
    n_left = 3 + len(objectives)
    numbers = frozenset({*range(2, n_left), *range(n_left + 1, len(head))})
    return [Table(head, rows, caption, numbers), *_cost(models)]


def _of_test_set(models: Sequence[Model]) -> str:
    binomial = not any(model.result.estimates for model in models)
    return "binomial in the test set's size" if binomial else "one sigma of the test set's size"


def run_words(models: Sequence[Model]) -> str:
    """What the runs of these models' trials are: ``folds``, ``repeats`` (of the seed alone), or both."""
    several = [model.history.created for model in models if model.history.created.folds > 1]
    return " or ".join(sorted({f"{created.run_word}s" for created in several})) or "folds"


def energies(models: Sequence[Model]) -> list[Block]:
    """Relative error over energy of all models that estimate one; nothing where there is none."""
    known = {model.name: (model.link, model.result) for model in models if model.result.estimates}
    return [*one_test_set(models), *compared_energies(known)] if known else []


def _quality_row(model: Model, objectives: Sequence[str], names: Sequence[str]) -> tuple[Cell, ...]:
    created, k = model.history.created, len(model.result.tests)
    return (
        model.link,
        progress(model.history),
        number(created.data.get("n_train")),
        *(
            str(model.figures[name]) if name == created.objective and name in model.figures else NONE
            for name in objectives
        ),
        NONE if not k else "test set" if k == 1 else f"sd of {k}",
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
        *(cell for name in known for cell in (IN_WORDS[name], *(["published"] if name in told else []))),
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
    caption = (
        "Counted from the networks as they are. MFLOP: 10^6 operations of one example's inference, a multiplication and an "
        "addition each counted as one, matrix products only. Inference: median of repeats with real, padded examples."
    )
    return [Heading("Cost", 3), Table(tuple(head), tuple(rows), caption, frozenset(range(1, n_numbers)))]


def test_figures(models: Sequence[Model]) -> list[Block]:
    """A table for each metric by class, our figures and the published ones in columns of their own."""
    classes = classes_of(models)
    if not classes:
        return []
    blocks: list[Block] = [*one_test_set(models), *caveats(e for model in models for e in model.published)]
    rows = [(model.link, model.figures, model.published) for model in models]
    for family, title in FAMILIES.items():
        blocks += [Heading(f"{title}, each class against the rest", 3), by_class_table(family, rows, classes)]
    return blocks


def classes_of(models: Sequence[Model]) -> list[str]:
    """Classes of all models, in the order of their first appearance."""
    return list(dict.fromkeys(name for model in models for name in model.classes))


def one_test_set(models: Sequence[Model]) -> list[Text]:
    """Say whether all models were applied to the same test set."""
    tested = [model for model in models if model.folds or model.result.estimates]
    if len(tested) < 2:
        return []
    first = tested[0]
    same = all(
        model.history.created.data.get("files") == first.history.created.data.get("files")
        and np.array_equal(_truth(model), _truth(first))
        for model in tested
    )
    sizes = listing([f"{model.name} {model.result.tests[0].n_test:,}" for model in tested])
    unit = noun(first.history.created.data)
    if same:
        return [text(f"All models were applied to the same {first.result.tests[0].n_test:,} test {unit}.")]
    return [
        warning(
            f"The models were not applied to the same test set (other files, or other {unit} of them; sizes: {sizes}), so "
            "that differences between them hold those between their test sets."
        )
    ]


def _truth(model: Model) -> np.ndarray:
    """What was to be predicted in the test set."""
    return model.result.predictions[0].labels if model.folds else model.result.estimates[0].energy


def curves(models: Sequence[Model]) -> list[Block]:
    """The ROC curves of all models, a pair of figures for each class."""
    blocks: list[Block] = []
    for name in classes_of(models):
        shown = [(model, model.classes.index(name)) for model in models if name in model.classes]
        columns = [(model.name, [results[place] for results in model.folds]) for model, place in shown]
        areas = [str(over_folds([Measured(*each.auc) for each in column])) for _, column in columns]
        energy = next(
            (e for model, _ in shown if (e := energy_of(model.history.created.data)) is not None), None
        )
        bands = [
            (efficiency_band(model, f"AUC {area}", column), rejection_band(model, f"AUC {area}", column))
            for (model, column), area in zip(columns, areas, strict=True)
        ]
        told = "; ".join(f"{model} AUC {area}" for (model, _), area in zip(columns, areas, strict=True))
        title, slug = f"{name} against the rest", "".join(c if c.isalnum() else "_" for c in name)
        note = f"Bands: sample sd over the models of {run_words(models)}; of one model, one sigma of the test set."
        blocks += [
            Heading(f"Class {name}", 3),
            Picture(
                f"roc-{slug}",
                f"ROC curves of {title}: {told}.",
                f"{title}: signal efficiency over background efficiency of every model. {note}",
                draw_roc([efficiency for efficiency, _ in bands], title, energy),
            ),
            Picture(
                f"rejection-{slug}",
                f"Background rejection of {title} over signal efficiency of every model.",
                f"{title}: background rejection over signal efficiency of every model. {note}",
                draw_rejection([rejection for _, rejection in bands], title, energy),
            ),
        ]
    return blocks
