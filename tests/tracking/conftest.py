from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from raysearch.tracking.address import QUIET

os.environ.update(QUIET)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database without runs; making one takes seconds, copying it none."""
    from mlflow.tracking import MlflowClient

    file = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    MlflowClient(f"sqlite:///{file}").search_experiments()
    return file


@pytest.fixture
def database(empty_database: Path, tmp_path: Path) -> Path:
    file = tmp_path / "mlflow.db"
    shutil.copy(empty_database, file)
    return file


@pytest.fixture
def uri(database: Path) -> str:
    return f"sqlite:///{database}"
