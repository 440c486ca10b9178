"""What papers report for a study's space, as its space file has it, and how to write it beside our own figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from raysearch.metrics.classification import published_fpr
from raysearch.report.blocks import Table, Text, listing, number, text, with_error
from raysearch.report.measured import Measured
from raysearch.report.roc import FPRS

FPR_AS_PUBLISHED = tuple(f"{100 * published_fpr(fpr):.2f} %" for fpr in FPRS)

# What a reader must know of a source, whatever its figures stand beside. From the released code and curves.
CAVEATS: dict[str, str] = {
    "1908.05318": (
        "On arXiv:1908.05318: the errors of JEDI-net's AUCs (0.0001) are a constant of the plotting notebook, for the "
        "ten folds in the released files are identical byte by byte: they are no spread. JEDI-net was tested on 80,000 "
        "jets of one block of the validation files; the ten models of the DNN on one fold, which nine of them had "
        "trained on. Operations of JEDI-net were counted with the products of its 0/1 matrices, which ours does not "
        "carry out."
    )
}

FAMILIES: dict[str, str] = {
    "auc": "AUC",
    "tpr10": "TPR at FPR 10 %",
    "tpr10_grid": f"TPR 'at 10 %' as published, read at FPR {FPR_AS_PUBLISHED[0]}",
    "tpr1": "TPR at FPR 1 %",
    "tpr1_grid": f"TPR 'at 1 %' as published, read at FPR {FPR_AS_PUBLISHED[1]}",
    "rejection30": "1/FPR at TPR 30 %",
    "rejection50": "1/FPR at TPR 50 %",
}


@dataclass(frozen=True)
class Published:
    """What one source reports for one set of settings."""

    source: str
    settings: Mapping[str, Any]
    metrics: Mapping[str, Any] = field(default_factory=dict)

    def text_of(self, name: str) -> str:
        """Write a metric as printed: with its error where one is; empty where there is none."""
        value = self.metrics.get(name)
        if value is None:
            return ""
        return with_error(float(value[0]), float(value[1])) if isinstance(value, list | tuple) else _as_printed(value)


def _as_printed(value: float) -> str:
    """All digits: a published 0.9529 has four, a 0.63 two."""
    return f"{value:,}" if isinstance(value, int) else f"{value:.10g}"


def published_for(space_file: Mapping[str, Any]) -> list[Published]:
    """The entries for this space: whatever both hold fixed is the same (as ``SpaceFile.matching``)."""
    fixed = {name: value for name, value in space_file["space"].items() if not isinstance(value, dict)}
    return [
        Published(entry["source"], entry["settings"], entry.get("metrics") or {})
        for entry in space_file.get("published") or ()
        if all(fixed.get(name, value) == value for name, value in entry["settings"].items())
    ]


def caveats(entries: Iterable[Published]) -> list[Text]:
    """Say what a reader must know before comparing."""
    sources = list(dict.fromkeys(entry.source for entry in entries if entry.metrics))
    if not sources:
        return []
    general = (
        f"Published figures ({listing(sources)}) come from other data, other training and other test sets; they stand "
        "beside ours for orientation. Exact TPRs are compared with exact ones, and those that were read at FPR "
        f"{FPR_AS_PUBLISHED[0]} and {FPR_AS_PUBLISHED[1]} with ours read there."
    )
    special = [told for key, told in CAVEATS.items() if any(key in source for source in sources)]
    return [text(general), *map(text, special)]


def by_class_table(
    rows: Sequence[tuple[str, Mapping[str, Measured], Sequence[Published], str]],
    classes: Sequence[str],
    head: str,
    caption: str = "",
) -> Table:
    """Write one line for each row: our figure for each class, then each published one in a column of its own.

    Args:
        rows: a name, our figures, the published entries, and the metric's family; several entries are joined by "; ".
        classes: of the data.
        head: of the column of names.
        caption: of the table.
    """
    lines = []
    for name, ours, entries, family in rows:
        here = [str(ours.get(f"{family}_{each}", "")) for each in classes]
        there = ["; ".join(filter(None, (e.text_of(f"{family}_{each}") for e in entries))) for each in classes]
        lines.append((name, here, there))
    any_published = any(any(there) for _, _, there in lines)
    published = [f"{each}, published" for each in classes] if any_published else []
    cells = tuple((name, *here, *(there if any_published else ())) for name, here, there in lines)
    columns = (head, *classes, *published)
    return Table(columns, cells, caption, frozenset(range(1, len(columns))))


def scalar_rows(ours: Mapping[str, Measured], entries: Sequence[Published]) -> list[tuple[str, str, str]]:
    """Figures that are not by class and that a source reports: name, ours, published."""
    names = dict.fromkeys(name for entry in entries for name in entry.metrics)
    single = [name for name in names if not any(name.startswith(f"{family}_") for family in FAMILIES)]
    return [
        (
            name,
            str(ours[name]) if name in ours else number(None),
            "; ".join(filter(None, (entry.text_of(name) for entry in entries))),
        )
        for name in single
    ]
