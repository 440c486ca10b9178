"""The notebook in docs/examples runs from its first cell to its last, and shows what stands in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[2] / "docs/examples/first_study.ipynb"


def shown(notebook: Any) -> list[list[set[str]]]:
    """For each cell of code the kinds of what it shows; what it writes to the terminal is ``text``."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [[set(output.get("data", {"text": ""})) for output in cell.outputs] for cell in cells]


@pytest.fixture(scope="module")
def committed() -> Any:
    return nbformat.read(NOTEBOOK, as_version=4)


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """It again, in a folder of its own."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    folder = tmp_path_factory.mktemp("notebook")
    NotebookClient(notebook, timeout=None, resources={"metadata": {"path": str(folder)}}).execute()
    assert (folder / "runs/first/ledger.jsonl").is_file()
    return notebook


def test_it_shows_what_stands_in_it(committed: Any, executed: Any) -> None:
    assert shown(executed) == shown(committed)
    html, svg = "text/html", "image/svg+xml"
    kinds = [kind for cell in shown(executed) for output in cell for kind in output]
    assert (kinds.count(html) >= 5, kinds.count(svg) >= 3, kinds.count("text")) == (True, True, 0)


def test_the_live_table_ends_with_the_whole_study(executed: Any) -> None:
    cell = next(cell for cell in executed.cells if "raysearch.tune(" in cell.source)
    table = cell.outputs[0].data["text/html"]
    assert "first: 6 of 6 trials, done; best: trial" in table
    assert table.count("<tr") == 1 + 6


def test_what_was_executed_says_nothing_of_whose_machine_it_was(committed: Any) -> None:
    counts = [cell.execution_count for cell in committed.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))
    text = NOTEBOOK.read_text()
    assert [place for place in ("/home", "/root", "/tmp", "site-packages") if place in text] == []
