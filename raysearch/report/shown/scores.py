"""Scores by class: accuracy, ROC curves, working points, confusion matrix."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from raysearch.metrics.classification import accuracy, one_vs_rest_auc
from raysearch.metrics.shown import Scores
from raysearch.report.blocks import PM, Block, Heading, text, with_error
from raysearch.report.measured import Measured, over_runs
from raysearch.report.published import Published
from raysearch.report.shown import scores_published
from raysearch.report.shown.class_results import FPRS, SIGNAL_EFFICIENCIES, ClassResult, class_results
from raysearch.report.shown.part import About, Headline, Part, Side, Title, Words
from raysearch.report.shown.scores_compared import by_class_tables, roc_curves
from raysearch.report.shown.scores_tables import confusion, roc_pictures, working_points


@dataclass(frozen=True)
class ScoresPart(Part[Scores]):
    """The scores that the models of a trial's runs give to one test set.

    Attributes:
        about: where they come from.
        runs: of each run.
        results: each class against the rest, by run, then by class.
        accuracy: mean over the runs with their sd; of one model with its 68 % binomial error.
        auc: mean of the one-vs-rest AUCs, over the runs.
    """

    about: About
    runs: tuple[Scores, ...]
    results: tuple[list[ClassResult], ...]
    accuracy: Measured
    auc: Measured

    MAIN: ClassVar[Mapping[str, Words]] = {
        "accuracy": Words("accuracy", "accuracy"),
        "auc": Words("mean AUC", "AUC"),
    }
    LEADING: ClassVar[str] = "auc"
    ERROR: ClassVar[str] = "binomial in the test set's size"

    @classmethod
    def evaluate(cls, runs: Sequence[Sequence[Scores]], about: About) -> Self:
        """Evaluate each class against the rest.

        Raises:
            InputError: a class is not in the test set, or scores are not finite.
        """
        shown = [values[0] for values in runs]
        correct = [accuracy(each.scores, each.labels) for each in shown]
        aucs = [float(np.mean(one_vs_rest_auc(each.scores, each.labels))) for each in shown]
        spread = float(np.sqrt(correct[0] * (1 - correct[0]) / len(shown[0].labels)))  # binomial
        of_one = Measured(correct[0], spread)
        over = of_one if len(correct) == 1 else over_runs([Measured(each) for each in correct])
        results = tuple(class_results(each) for each in shown)
        return cls(about, tuple(shown), results, over, over_runs([Measured(area) for area in aucs]))

    @property
    def first(self) -> Scores:
        """That of the first run."""
        return self.runs[0]

    @staticmethod
    def truth(value: Scores) -> np.ndarray:
        """The true classes (row,)."""
        return value.labels

    @staticmethod
    def answer(value: Scores) -> np.ndarray:
        """The scores (row, class)."""
        return value.scores

    @property
    def classes(self) -> list[str]:
        """Names of the classes."""
        return [each.name for each in self.results[0]]

    def figures(self) -> dict[str, Measured]:
        """Accuracy, mean AUC, and ``FAMILY_CLASS`` of each family of ``scores_published.FAMILIES``."""
        figures = {"accuracy": self.accuracy, "auc": self.auc}
        for place, first in enumerate(self.results[0]):
            for name, read in _BY_CLASS.items():
                of_runs = [read(results[place]) for results in self.results]
                figures[f"{name}_{first.name}"] = over_runs(of_runs)
        return {self.about.named(name): figure for name, figure in figures.items()}

    def titles(self) -> Mapping[str, Title]:
        """Titles of the figures by class."""
        return {
            self.about.named(f"{family}_{name}"): Title(title, name)
            for family, title in scores_published.FAMILIES.items()
            for name in self.classes
        }

    def headline(self) -> Headline:
        """Accuracy and mean AUC."""
        n_runs, area = len(self.runs), f"{self.auc.value:.4f}"
        told = f"its accuracy is {self.accuracy} (68 %, binomial) and its mean one-vs-rest AUC {area}"
        if n_runs > 1:
            spread = f"{self.accuracy} (mean {PM} sd)"
            told = f"the accuracy of its {n_runs} models is {spread} and the mean one-vs-rest AUC {area}"
        accuracy_tile = ("test accuracy", str(self.accuracy), self.about.n_test)
        return Headline(told, (accuracy_tile, ("mean test AUC", area, "one class against the rest")))

    def blocks(self) -> list[Block]:
        """ROC curves, working points, confusion matrix, accuracy."""
        about, several = self.about, len(self.runs) > 1
        n, mean = len(self.runs[0].labels), self.accuracy.value
        binomial = float(np.sqrt(mean * (1 - mean) / n))
        told = f"Accuracy: {with_error(mean, binomial)} (binomial, one sigma, {n:,} {about.units})."
        if several:
            told = (
                f"Accuracy: {self.accuracy} (mean and sd over {len(self.runs)} models); the test set's own "
                f"error, binomial for {n:,} {about.units}: {binomial:.2g}."
            )
        return [
            Heading("ROC curves", 3),
            *roc_pictures(self.results, about),
            working_points(self.results, about, self.figures()),
            Heading("Confusion matrix", 3),
            *confusion(self.runs, about),
            text(told),
        ]

    @classmethod
    def compared(cls, sides: Sequence[Side[Any]]) -> list[Block]:
        """A table for each family of figures, classes in columns; then the ROC curves of each class."""
        classes = list(dict.fromkeys(name for side in sides for name in side.part.classes))
        return [*by_class_tables(sides, classes), Heading("ROC curves"), *roc_curves(sides, classes)]

    @classmethod
    def caveats(cls, entries: Sequence[Published]) -> list[str]:
        """How rates were read, and what is known of sources."""
        return scores_published.caveats(entries)


def _rejection(place: int) -> Callable[[ClassResult], Measured]:
    def read(result: ClassResult) -> Measured:
        rejection = result.rejections[place]
        if not math.isfinite(rejection.value):
            return Measured(rejection.lower_limit, is_limit=True)
        return Measured(rejection.value, rejection.error)

    return read


def _tpr(place: int, *, as_published: bool) -> Callable[[ClassResult], Measured]:
    return lambda result: Measured(*(result.tprs_published if as_published else result.tprs)[place])


_BY_CLASS: dict[str, Callable[[ClassResult], Measured]] = {
    "auc": lambda result: Measured(*result.auc),
    **{f"tpr{100 * fpr:g}": _tpr(place, as_published=False) for place, fpr in enumerate(FPRS)},
    **{f"tpr{100 * fpr:g}_grid": _tpr(place, as_published=True) for place, fpr in enumerate(FPRS)},
    **{f"rejection{100 * share:g}": _rejection(place) for place, share in enumerate(SIGNAL_EFFICIENCIES)},
}
