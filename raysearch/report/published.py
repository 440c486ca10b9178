"""What papers report for a study's space, and how to write it beside our own figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from raysearch.report.blocks import NONE, PM, Table, Text, listing, text
from raysearch.report.measured import Measured
from raysearch.space.matching import fits


@dataclass(frozen=True)
class Published:
    """What one source reports for one set of settings."""

    source: str
    settings: Mapping[str, Any]
    metrics: Mapping[str, Any] = field(default_factory=dict)

    def text_of(self, name: str) -> str:
        """Write a metric as printed: with its error where one is; empty where there is none."""
        if (value := self.metrics.get(name)) is None:
            return ""
        # .9290 is .929 in a space file; the figures of the other classes tell how many digits were printed
        alike = [self.metrics[other] for other in self.metrics if _kind(other) == _kind(name)]
        figure, *error = _numbers(value)
        digits = max(_decimals(each) for other in alike for each in _numbers(other)[: 1 + len(error)])
        return f" {PM} ".join(f"{each:,.{digits}f}" for each in (figure, *error))


def _kind(name: str) -> str:
    """What a figure of a class is a figure of: ``auc`` of ``auc_g``."""
    kind = name.rpartition("_")[0]
    return name if kind in {"", "val", "test", "train"} else kind


def _numbers(value: float | Sequence[float]) -> Sequence[float]:
    """A figure, and its error where it has one."""
    return value if isinstance(value, list | tuple) else (value,)


def _decimals(value: float) -> int:
    """Decimals that a number was written with, but for zeros at its end."""
    return len(f"{value:.10f}".rstrip("0").partition(".")[2])


def joined(entries: Sequence[Published], name: str) -> str:
    """Write a metric of every entry that has it."""
    return "; ".join(filter(None, (entry.text_of(name) for entry in entries)))


def published_for(space_file: Mapping[str, Any]) -> list[Published]:
    """The entries for this space."""
    fixed = {name: value for name, value in space_file["space"].items() if not isinstance(value, dict)}
    return [
        Published(entry["source"], entry["settings"], entry.get("metrics") or {})
        for entry in space_file.get("published") or ()
        if fits(entry["settings"], fixed)
    ]


def general_caveat(entries: Iterable[Published]) -> list[Text]:
    """Say what holds of all published figures; nothing where there are none."""
    sources = list(dict.fromkeys(entry.source for entry in entries if entry.metrics))
    if not sources:
        return []
    return [
        text(
            f"Published figures ({listing(sources)}) come from other data, other training and other test "
            "sets; they stand beside ours for orientation."
        )
    ]


def beside_published(
    ours: Mapping[str, Measured], entries: Sequence[Published], titles: Mapping[str, tuple[str, str]]
) -> Table:
    """Write every figure that a source reports beside ours, each source in a column of its own.

    Args:
        ours: figures by name.
        entries: of the sources.
        titles: figure and class of the names that have such; others stand first, as they are.
    """
    names = dict.fromkeys(name for entry in entries for name in entry.metrics)
    written = {name: (name, "") for name in names if name not in titles}
    written |= {name: title for name, title in titles.items() if name in names}
    rows = tuple(
        (*title, str(ours.get(name, NONE)), *(entry.text_of(name) for entry in entries))
        for name, title in written.items()
    )
    head = ("figure", "class", "here", *(f"published: {entry.source}" for entry in entries))
    return Table(head, rows, numbers=frozenset(range(2, len(head))))
