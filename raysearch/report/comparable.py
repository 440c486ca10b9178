"""Whether figures of several studies may stand side by side: on one test set, and of one kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from raysearch.report.blocks import Text, listing, text, warning
from raysearch.report.models import Model, sides_of
from raysearch.report.shown.described import units


def comparable(models: Sequence[Model]) -> list[Text]:
    """Say whether the models were applied to one test set; warn of metrics that may be of several kinds."""
    tested = [model for model in models if model.result.tests]
    return [*_one_test_set(tested), *_one_kind(tested)] if len(tested) > 1 else []


def comparable_warnings(models: Sequence[Model]) -> list[str]:
    """The warnings among these, without a page's marks."""
    return ["".join(map(str, each.parts)) for each in comparable(models) if each.warning]


def _one_test_set(models: Sequence[Model]) -> list[Text]:
    n_test = [model.result.tests[0].n_test for model in models]
    of_data = [units(model.history.created.data) for model in models]
    files = [_contents(model.history.created.data) for model in models]
    alike = all(each == files[0] for each in files) and len({*n_test}) == len({*of_data}) == 1
    if alike and _one_truth(models):
        return [text(f"All models were applied to the same {n_test[0]:,} test {of_data[0]}.")]
    named = zip(models, n_test, of_data, strict=True)
    sizes = listing([f"{model.name} {n:,} {what}" for model, n, what in named])
    return [
        warning(
            "The models were not applied to the same test set (other files, or other parts of them; sizes: "
            f"{sizes}), so that differences between them hold those between their test sets."
        )
    ]


def _contents(data: dict[str, Any]) -> list[str]:
    """The SHA-256 of each file, whatever they are called."""
    return sorted(map(str, (data.get("files") or {}).values()))


def _one_truth(models: Sequence[Model]) -> bool:
    """Whether what was to be predicted is the same, of all that models show but examples."""
    return all(
        np.array_equal(side.part.truth(side.part.first), sides[0].part.truth(sides[0].part.first))
        for sides in sides_of(models)
        if sides[0].part.COMBINED
        for side in sides
    )


def _one_kind(models: Sequence[Model]) -> list[Text]:
    """Warn where tasks have other metrics than each other, whose names they share in part."""
    names = {
        model.history.created.space_file["task"]: frozenset(model.result.tests[0].metrics) for model in models
    }
    shared = frozenset.intersection(*names.values())
    if len({*names.values()}) == 1 or not shared:
        return []
    return [
        warning(
            f"The tasks ({listing(list(names))}) have other metrics than each other, so that those of one "
            f"name ({listing(sorted(shared))}) need not be the same quantity."
        )
    ]
