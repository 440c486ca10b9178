"""Bring MLflow's runs of one study to what the ledger says, whatever they hold already.

MLflow is asked what it holds once, on connecting; from then on this process is the only writer. There
is no cursor of ours that could disagree with it: after any error the object is thrown away and the
next one asks again. Sending a metric twice is harmless, for (key, step, time, value) is its identity.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mlflow.entities import Experiment, Metric, Param, Run, RunTag, ViewType
from mlflow.tracking import MlflowClient

from raysearch.ledger.history import History
from raysearch.ledger.ledger import read_entries
from raysearch.tracking.about_study import STUDY
from raysearch.tracking.address import artifact_folder, is_server, sqlite_file
from raysearch.tracking.growing import GrowingViews
from raysearch.tracking.only_one import my_turn
from raysearch.tracking.sent_files import digest_of, files_of
from raysearch.tracking.series_view import series_of
from raysearch.tracking.view import KEY, RunView, experiment_name, study_key

ARTIFACTS = "raysearch.artifacts"
PAGE = {"mlflow.experimentKind": "custom_model_development"}  # else the page opens as one for language models
METRICS_A_BATCH, TEXTS_A_BATCH, RUNS_A_PAGE = 800, 90, 500  # MLflow's limits: 1000 metrics, 100 texts
TURN_S = 60.0  # to wait for other mirrors of a series
# Where a server may send a client's files; a path on this machine is not among them (CVE-2025-11201 and kin).
REMOTE_STORES = {"mlflow-artifacts", "http", "https", "s3", "gs", "abfss", "wasbs"}


@dataclass
class _Held:
    """What MLflow holds of one run; ``latest`` is the last (step, time) of each metric."""

    run_id: str
    status: str = "RUNNING"
    end_ms: int | None = None
    is_deleted: bool = False
    params: set[str] = field(default_factory=set)
    tags: dict[str, str] = field(default_factory=dict)
    latest: dict[str, tuple[int, int]] = field(default_factory=dict)


class Delivery:
    """A connection to MLflow for one study.

    Args:
        folder: the study's folder.
        uri: MLflow's tracking address.
        deadline: ``time.monotonic()`` after which no further call is made.

    Raises:
        StorageError: the ledger cannot be read.
        TimeoutError: past the deadline.
        Exception: whatever MLflow raises when it is not there, is locked or refuses.
    """

    def __init__(self, folder: Path, uri: str, *, deadline: float = float("inf")) -> None:
        self._folder, self._uri, self._deadline = folder, uri, deadline
        history = History(read_entries(folder))
        self._study = study_key(history)
        # Before MLflow's client, which on opening a database waits far longer than a mirror's turn.
        _try_lock(sqlite_file(uri))
        self._client = MlflowClient(uri)
        experiment = self._experiment(experiment_name(history))
        self._experiment_id: str = experiment.experiment_id
        self._held = self._ask(f"tags.`{STUDY}` = '{self._study}'")
        self._series = series_of(folder)
        self._views = GrowingViews()
        if experiment.lifecycle_stage == "deleted" and not self._held:
            self._client.restore_experiment(self._experiment_id)  # deleted before there was this study

    def deliver(self, *, is_held: bool) -> str:
        """Deliver what MLflow lacks; return what it may not have, or nothing when it holds everything.

        Args:
            is_held: whether a process holds the study.
        """
        parent = self._deliver_series()  # first: its run must be there before others can lie below it
        for view in self._views.changed(read_entries(self._folder), is_held=is_held, parent=parent):
            self._deliver(view)
        return self._deliver_files(self._held[self._study])

    def _deliver_series(self) -> str | None:
        """Deliver the run of the study's series and return its key; None without one or if it was deleted.

        All members' mirrors do so, one at a time, and each asks anew what MLflow holds: so it is made once.
        """
        if self._series is None:
            return None
        key = self._series.key
        with my_turn(self._series.folder, min(self._deadline, time.monotonic() + TURN_S)):
            self._held.pop(key, None)
            self._held |= self._ask(f"tags.`{KEY}` = '{key}'")
            self._deliver(self._series.view())
        return None if self._held[key].is_deleted else key

    def _check_deadline(self) -> None:
        if time.monotonic() > self._deadline:
            raise TimeoutError("MLflow is too slow")

    def _experiment(self, name: str) -> Experiment:
        if found := self._client.get_experiment_by_name(name):
            return found
        root = artifact_folder(self._uri)
        # Of two mirrors that get here together one fails, and finds it on its next try.
        made = self._client.create_experiment(name, root.as_uri() if root else None, tags=PAGE)
        return self._client.get_experiment(made)

    def _ask(self, wanted: str) -> dict[str, _Held]:
        """Read the runs of a filter; of two with one key (an answer was lost, not the call) one goes."""
        # The active one first, by its life cycle's name: one that was deleted counts where there is no other.
        held: dict[str, _Held] = {}
        for run in sorted(self._search(wanted), key=lambda run: (run.info.lifecycle_stage, run.info.run_id)):
            key = run.data.tags.get(KEY, "")
            if key not in held:
                held[key] = _held(run)
            elif run.info.lifecycle_stage == "active":
                self._check_deadline()
                self._client.delete_run(run.info.run_id)
        return held

    def _search(self, wanted: str) -> Iterator[Run]:
        token: str | None = None
        while True:
            self._check_deadline()
            page = self._client.search_runs(
                [self._experiment_id],
                wanted,
                ViewType.ALL,
                RUNS_A_PAGE,
                page_token=token,
            )
            yield from page
            token = page.token
            if not token:
                return

    def _deliver(self, view: RunView) -> None:
        tags = dict(view.tags)
        if view.parent:
            tags["mlflow.parentRunId"] = self._held[view.parent].run_id
        held = self._held.get(view.key)
        if held is None:
            self._check_deadline()
            run = self._client.create_run(self._experiment_id, view.start_ms, tags, view.name)
            held = self._held[view.key] = _Held(run.info.run_id, tags=tags)
        if held.is_deleted:
            return  # by the user, who need not see it come back
        self._log(held, view, tags)
        # After everything else: a run that MLflow calls finished has all that it will ever have.
        if (held.status, held.end_ms) != (view.status, view.end_ms):
            self._check_deadline()
            if view.end_ms is not None:
                self._client.set_terminated(held.run_id, view.status, view.end_ms)
            elif held.status != view.status:
                self._client.update_run(held.run_id, view.status)
            held.status, held.end_ms = view.status, view.end_ms

    def _log(self, held: _Held, view: RunView, tags: dict[str, str]) -> None:
        """Log params, tags and metrics that are not there, in as few calls as MLflow's limits allow."""
        params = [Param(name, text) for name, text in view.params.items() if name not in held.params]
        changed = [RunTag(name, text) for name, text in tags.items() if held.tags.get(name) != text]
        never = (-1, -1)
        metrics = [
            Metric(point.key, point.value, point.time_ms, point.step)
            for point in view.points
            if (point.step, point.time_ms) > held.latest.get(point.key, never)  # MLflow tells its last only
        ]
        # As many of each kind in a call as it takes, so that metrics, params and tags share calls: each is a
        # round trip and, in a database, a transaction.
        n_batches = max(
            -(-len(metrics) // METRICS_A_BATCH),
            -(-len(params) // TEXTS_A_BATCH),
            -(-len(changed) // TEXTS_A_BATCH),
        )
        for place in range(n_batches):
            self._check_deadline()
            texts = slice(place * TEXTS_A_BATCH, (place + 1) * TEXTS_A_BATCH)
            numbers = slice(place * METRICS_A_BATCH, (place + 1) * METRICS_A_BATCH)
            self._client.log_batch(
                held.run_id, metrics[numbers], params[texts], changed[texts], synchronous=True
            )
        held.params.update(param.key for param in params)
        held.tags.update(tags)
        held.latest.update({metric.key: (metric.step, metric.timestamp) for metric in metrics})

    def _deliver_files(self, held: _Held) -> str:
        """Copy the space file, the report and the best model to the study's run when they changed."""
        files, digest = list(files_of(self._folder)), digest_of(self._folder)
        if held.is_deleted or not files or held.tags.get(ARTIFACTS) == digest:
            return ""
        # MLflow's word for where files go is not trusted: whoever may write its database could
        # name any place.
        where = self._client.get_run(held.run_id).info.artifact_uri
        if not self._may_write(where):
            return f"no files sent: MLflow wants them in {where}, which is no place for them"
        for file in files:
            self._check_deadline()
            place = file.parent.relative_to(self._folder).as_posix()
            self._client.log_artifact(held.run_id, str(file), None if place == "." else place)
        self._client.set_tag(held.run_id, ARTIFACTS, digest)  # last: half of the files are sent again
        held.tags[ARTIFACTS] = digest
        return ""

    def _may_write(self, where: str) -> bool:
        parts = urlsplit(where)
        if is_server(self._uri):
            return parts.scheme in REMOTE_STORES and ".." not in Path(unquote(parts.path)).parts
        root = artifact_folder(self._uri)
        if parts.scheme not in {"", "file"} or root is None:
            return False
        path = Path(unquote(parts.path) if parts.scheme else where)
        return path.resolve().is_relative_to(root.resolve())


def find_study(folder: Path, uri: str) -> tuple[str, str] | None:
    """Return MLflow's ids of the study's experiment and run, or None when they are not there."""
    history = History(read_entries(folder))
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name(experiment_name(history))
    if experiment is None:
        return None
    wanted = f"tags.`{KEY}` = '{study_key(history)}'"
    runs = client.search_runs([experiment.experiment_id], wanted, max_results=1)
    return (experiment.experiment_id, runs[0].info.run_id) if runs else None


def _held(run: Run) -> _Held:
    return _Held(
        run_id=run.info.run_id,
        status=run.info.status,
        end_ms=run.info.end_time,
        is_deleted=run.info.lifecycle_stage == "deleted",
        params=set(run.data.params),
        tags=dict(run.data.tags),
        latest={metric.key: (metric.step, metric.timestamp) for metric in run.data.to_proto().metrics},
    )


def _try_lock(file: Path | None) -> None:
    """Fail at once on a locked SQLite database, which MLflow would try to open for over a minute."""
    if file is not None and file.exists():
        with closing(sqlite3.connect(file, timeout=1.0)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.rollback()
