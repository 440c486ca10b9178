"""What papers report for a study's space, as its space file has it, and how to write it beside our own figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from raysearch.metrics.classification import published_fpr
from raysearch.report.blocks import NONE, PM, Cell, Table, Text, listing, text
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
        if isinstance(value, list | tuple):
            digits = max(_decimals(number_) for number_ in value)
            return f"{value[0]:.{digits}f} {PM} {value[1]:.{digits}f}"
        return "" if value is None else f"{value:,.{_decimals(value)}f}"


def _decimals(value: float) -> int:
    """Decimals that a number was written with, but for zeros at its end."""
    return len(f"{value:.10f}".rstrip("0").partition(".")[2])


def joined(entries: Sequence[Published], name: str) -> str:
    """Write a metric of every entry that has it."""
    return "; ".join(filter(None, (entry.text_of(name) for entry in entries)))


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
        f"beside ours for orientation. TPRs that were read at FPR {FPR_AS_PUBLISHED[0]} and {FPR_AS_PUBLISHED[1]} stand "
        "beside ours read there, exact ones beside exact ones."
    )
    special = [told for key, told in CAVEATS.items() if any(key in source for source in sources)]
    return [text(general), *map(text, special)]


def by_class_table(
    family: str,
    rows: Sequence[tuple[Cell, Mapping[str, Measured], Sequence[Published]]],
    classes: Sequence[str],
) -> Table:
    """Write one line for each model: a metric for each class, then each published one in a column of its own.

    Args:
        family: one of ``FAMILIES``.
        rows: the model's name, our figures, the published entries; several entries are joined by "; ".
        classes: of the data.
    """
    there = [[joined(entries, f"{family}_{name}") for name in classes] for _, _, entries in rows]
    has_published = any(map(any, there))
    lines: list[tuple[Cell, ...]] = []
    for (model, ours, entries), published in zip(rows, there, strict=True):
        here = [str(ours.get(f"{family}_{name}", NONE)) for name in classes]
        sources = "; ".join(entry.source for entry in entries) if any(published) else ""
        lines.append((model, *here, *([*published, sources] if has_published else [])))
    head = ["model", *classes]
    if has_published:
        head += [*(f"{name}, published" for name in classes), "source"]
    numbers = frozenset(range(1, 1 + (2 if has_published else 1) * len(classes)))
    return Table(tuple(head), tuple(lines), numbers=numbers)


def beside_published(
    ours: Mapping[str, Measured], entries: Sequence[Published], classes: Sequence[str]
) -> Table:
    """Write every figure that a source reports beside ours, each source in a column of its own."""
    names = dict.fromkeys(name for entry in entries for name in entry.metrics)
    by_class = {f"{family}_{each}": (title, each) for family, title in FAMILIES.items() for each in classes}
    titles = {name: (name, "") for name in names if name not in by_class}
    titles |= {name: title for name, title in by_class.items() if name in names}
    rows = tuple(
        (*title, str(ours.get(name, NONE)), *(entry.text_of(name) for entry in entries))
        for name, title in titles.items()
    )
    head = ("figure", "class", "here", *(f"published: {entry.source}" for entry in entries))
    return Table(head, rows, numbers=frozenset(range(2, len(head))))
