"""Imports inside the package go one way, as the table in pyproject.toml says."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["raysearch"]["layers"]
FREE = {"cache", "errors", "files", "recipes", "seeds", "__version__"}


def imports() -> list[tuple[str, str, str]]:
    found = []
    for path in sorted((ROOT / "raysearch").rglob("*.py")):
        importer = path.relative_to(ROOT / "raysearch").parts[0]
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}: relative import"
                names = (
                    [f"{node.module}.{alias.name}" for alias in node.names]
                    if node.module == "raysearch"
                    else [node.module]
                )
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                continue
            found += [
                (importer, name.split(".")[1], str(path))
                for name in names
                if name and name.startswith("raysearch.")
            ]
    return found


def test_imports_follow_the_table() -> None:
    wrong = [
        f"{path}: {importer} must not import {imported}"
        for importer, imported, path in imports()
        if not importer.endswith(".py")
        and importer != imported
        and imported not in FREE
        and imported not in LAYERS[importer]
    ]
    assert wrong == []


def test_every_folder_is_in_the_table() -> None:
    folders = {path.parent.name for path in (ROOT / "raysearch").glob("*/__init__.py")}
    assert folders == set(LAYERS)


def test_only_cluster_imports_ray() -> None:
    users = {
        path.relative_to(ROOT / "raysearch").parts[0]
        for path in (ROOT / "raysearch").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "ray")
        or (isinstance(node, ast.Import) and any(alias.name.split(".")[0] == "ray" for alias in node.names))
    }
    assert users == {"cluster"}


@pytest.mark.parametrize(
    "banned",
    [
        "pickle.load",
        "cloudpickle.load",
        "weights_only=False",
        "joblib.load",
        "allow_pickle=True",
        "yaml.load(",
        "Tuner.restore",
        "ray stop",
    ],
)
def test_nothing_reads_pickles_or_stops_every_ray(banned: str) -> None:
    users = [str(path) for path in (ROOT / "raysearch").rglob("*.py") if banned in path.read_text()]
    assert users == []


def test_help_imports_nothing_heavy() -> None:
    heavy = (
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
    )
    code = f"import raysearch.cli.main, sys; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
