"""Made data judged beside real ones, each figure beside that of real data against other real ones."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raysearch.errors import InputError
from raysearch.files import expanded, owners_only

if TYPE_CHECKING:
    import pandas as pd

    from raysearch.evaluation.found import Found
    from raysearch.metrics.generation.itself import Measured

HEAD = ("metric", "value", "real against real")
COLUMNS = ("value", "error", "itself", "itself_error", "n")
FORMS = (".md", ".json")


@dataclass(frozen=True)
class Evaluation:
    """What a comparison of made with real data found; a notebook shows the page of it."""

    kind: str
    found: Found

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader of the figures must know, a line each."""
        return self.found.warnings

    @property
    def refused(self) -> dict[str, str]:
        """Metrics that are not in the table, to why they say nothing here."""
        return dict(self.found.refused)

    def _repr_markdown_(self) -> str:
        return self.markdown()

    def table(self) -> pd.DataFrame:
        """A row for each metric: value and error, the same of real against real data, and rows on a side."""
        import pandas as pd

        rows = {name: (*each.value, *each.itself, each.n) for name, each in self.found.values.items()}
        return pd.DataFrame.from_dict(rows, orient="index", columns=list(COLUMNS)).rename_axis("metric")

    def facts(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {
            "kind": self.kind,
            "about": dict(self.found.about),
            "metrics": {
                name: dict(zip(COLUMNS, (*each.value, *each.itself, each.n), strict=True))
                for name, each in self.found.values.items()
            },
            "refused": self.refused,
            "warnings": list(self.warnings),
        }

    def rows(self) -> list[list[str]]:
        """The table as texts, below its head."""
        told = [[name, _told(each.value), _told(each.itself)] for name, each in self.found.values.items()]
        return [list(HEAD), *told]

    def markdown(self) -> str:
        """A page of it."""
        from raysearch.report.blocks import Block, Table, Text, text, warning
        from raysearch.report.markdown import to_markdown

        head, *rows = self.rows()
        about = tuple((name, str(value)) for name, value in self.found.about.items())
        refused: list[Text] = [text(f"no {name}: {why}") for name, why in self.refused.items()]
        blocks: list[Block] = [
            Table(("", ""), about),
            *map(warning, self.warnings),
            Table(tuple(head), tuple(tuple(row) for row in rows), numbers=frozenset({1, 2})),
            *refused,
        ]
        return to_markdown(f"Made {self.kind} beside real ones", blocks)

    def write(self, out: str | Path, *, force: bool = False) -> None:
        """Write a page (``.md``) or plain values (``.json``).

        Raises:
            InputError: another ending, or ``out`` may not be written.
            StorageError: it cannot be written.
        """
        from raysearch.files import write_durably

        path = check_form(out, force=force)
        content = self.markdown() if path.suffix == ".md" else json.dumps(self.facts(), indent=2) + "\n"
        with owners_only():
            write_durably(path, content.encode())


def check_form(out: str | Path, *, force: bool) -> Path:
    """Check that a file can be written, before anything is computed.

    Raises:
        InputError: see :meth:`Evaluation.write`.
    """
    from raysearch.library.trained import check_out

    path = Path(out)
    if path.suffix not in FORMS:
        raise InputError(f"--out {out}: must end in {' or '.join(FORMS)}")
    check_out(path, force=force)
    return path


def _warn(told: str) -> None:
    warnings.warn(told, stacklevel=4)  # of who called evaluate


@owners_only()
def evaluate(
    real: str | Path,
    made: str | Path,
    *,
    kind: str | None = None,
    other_real: str | Path | None = None,
    seed: int = 0,
    published: bool = False,
    of_class: str | None = None,
    made_class: str | None = None,
    told: Callable[[str], None] = lambda _: None,
    warned: Callable[[str], None] = _warn,
) -> Evaluation:
    """Compare made with real data, and real data with other real ones at the same size.

    Args:
        real: a file or folder.
        made: the same, of what a generator made.
        kind: what they hold, ``showers`` or ``jets``; None: what the first real file seems to.
        other_real: real data of which none are in ``real``; without them ``real`` is cut in halves.
        seed: of every random choice; the same one gives the same figures.
        published: networks and batches as large as those of published figures, some 30 times as much work.
        of_class: take only jets of this class, such as ``g``; what a generator made is taken whole where its
            files tell no classes.
        made_class: take only jets of this class from what a generator made.
        told: told what is done next.
        warned: told each of :attr:`Evaluation.warnings`; by default they are Python's warnings.

    Raises:
        InputError: an unknown kind, files that are refused, or that cannot be compared.
    """
    from raysearch.evaluation.found import Asked
    from raysearch.evaluation.kinds import evaluator, kind_at
    from raysearch.evaluation.trained_on import trained_on

    asked = Asked(
        expanded(real),
        expanded(made),
        None if other_real is None else expanded(other_real),
        seed=seed,
        published=published,
        of_class=of_class,
        made_class=made_class,
        told=told,
    )
    kind = kind_at(asked.real) if kind is None else kind
    judged = evaluator(kind).evaluate(asked)
    found = Evaluation(kind, replace(judged, warnings=(*trained_on(asked), *judged.warnings)))
    for each in found.warnings:
        warned(each)
    return found


def _told(figure: Measured) -> str:
    """Write a figure with its error, where it has one."""
    from raysearch.report.blocks import number, with_error

    return number(figure.value) if figure.error is None else with_error(figure.value, figure.error)
