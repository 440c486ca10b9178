"""`import raysearch` costs next to nothing, and what it offers is there when asked for."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import raysearch


def test_nothing_heavy_is_imported_before_it_is_used() -> None:
    heavy = [
        "torch",
        "ray",
        "optuna",
        "nevergrad",
        "mlflow",
        "numpy",
        "pandas",
        "matplotlib",
        "pydantic",
        "h5py",
        "rich",
        "yaml",
        "typer",
    ]
    code = f"import raysearch, sys; dir(raysearch); print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_looking_into_a_study_does_not_wait_for_torch(tagger: raysearch.Study) -> None:
    code = (
        f"import raysearch, sys; study = raysearch.open('t', runs={str(tagger.folder.parent)!r}); "
        "study.best; study.trials(); print([name for name in ('torch', 'ray') if name in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


@pytest.mark.parametrize("name", raysearch.__all__)
def test_all_that_is_offered_is_there(name: str) -> None:
    assert getattr(raysearch, name).__doc__
    assert name in dir(raysearch)


def test_what_type_checkers_see_is_what_is_imported() -> None:
    tree = ast.parse(Path(raysearch.__file__).read_text())
    (twin,) = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {
        alias.asname or alias.name: (node.module, alias.name)
        for node in twin.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == raysearch._LAZY
    assert sorted(seen) == raysearch.__all__


def test_other_names_are_refused() -> None:
    with pytest.raises(AttributeError, match="module 'raysearch' has no attribute 'tuen'"):
        _ = raysearch.tuen  # type: ignore[attr-defined]
