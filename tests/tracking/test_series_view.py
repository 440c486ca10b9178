"""A series in a real MLflow: one run above its studies, whoever makes it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from mirrored_studies import Recipe, contents, write_series
from waiting import wait_for

from raysearch.tracking.mirror import mirror_now
from raysearch.tracking.series_view import series_of


def parents(database: Path) -> dict[str, str]:
    """The name of each run's parent by its own."""
    tables = contents(database)
    names = {row[0]: row[1] for row in tables["runs"]}
    return {names[key]: names[parent] for key, tag, parent in tables["tags"] if tag == "mlflow.parentRunId"}


def runs(database: Path) -> dict[str, tuple[Any, ...]]:
    """Status, start and end of each run by name."""
    return {row[1]: row[2:] for row in contents(database)["runs"]}


def test_studies_hang_below_their_series(tmp_path: Path, database: Path, uri: str) -> None:
    recipe = Recipe(n_trials=2, done=2, folds=2)
    members = write_series(tmp_path / "paper", {"flatten-30": recipe, "sum-30": recipe, "sum-50": recipe})
    for member in members:
        assert mirror_now(member, uri) == ""
    once = contents(database)
    assert sum(once["runs"].values()) == 1 + 3 * (1 + 2 + 4)
    above = parents(database)
    assert {above[f"paper/{name}"] for name in ("flatten-30", "sum-30", "sum-50")} == {"paper"}
    assert "paper" not in above
    assert above["trial 1 fold 1"] == "trial 1"
    status, start, end = runs(database)["paper"]
    assert status == "FINISHED"
    assert (start, end) == (runs(database)["paper/flatten-30"][1], runs(database)["paper/sum-50"][2])
    metrics = {key: value for _, key, value, *_ in once["metrics"] if "/sum-50" in key}
    assert metrics["best_value/sum-50"] == pytest.approx(1 / 3 + 0.05)
    assert metrics["test_auc/sum-50"] == pytest.approx(0.935)
    for member in members:
        assert mirror_now(member, uri) == ""
    assert contents(database) == once


def test_a_series_goes_on_until_its_last_member(tmp_path: Path, database: Path, uri: str) -> None:
    folder = tmp_path / "paper"
    (first,) = write_series(folder, {"a": Recipe()})
    (folder / "series.yaml").write_text("members: {a: {}, b: {}}\n")
    assert mirror_now(first, uri) == ""
    assert runs(database)["paper"][0] == "KILLED"  # nobody holds a member, and one has not begun
    view = series_of(first)
    assert view is not None
    assert view.view().tags["studies"] == "1 finished of 2"


def test_mirrors_that_race_make_one_series_run(tmp_path: Path, database: Path, uri: str) -> None:
    recipe = Recipe(n_trials=1, done=1)
    members = write_series(tmp_path / "paper", {str(n): recipe for n in range(3)})
    begin = threading.Barrier(len(members))

    def insist(member: Path) -> None:
        begin.wait()
        wait_for(lambda: not mirror_now(member, uri), "a delivery")  # locked by another: again, as they do

    threads = [threading.Thread(target=insist, args=(member,)) for member in members]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = [row[1] for row in contents(database)["runs"].elements()]
    assert names.count("paper") == 1
    assert {above for name, above in parents(database).items() if name.startswith("paper/")} == {"paper"}


def test_a_series_run_the_user_deleted_stays_deleted(tmp_path: Path, database: Path, uri: str) -> None:
    from mlflow.tracking import MlflowClient

    members = write_series(tmp_path / "paper", {"a": Recipe(), "b": Recipe()})
    assert mirror_now(members[0], uri) == ""
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("jedinet").experiment_id
    client.delete_run(client.search_runs([experiment], "tags.`raysearch.series` = 'paper'")[0].info.run_id)
    assert mirror_now(members[1], uri) == ""
    assert "paper" not in runs(database)
    assert "paper/b" in runs(database)
