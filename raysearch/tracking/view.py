"""What MLflow should show of a study: a pure function of its ledger. Knows nothing of MLflow's client.

One run for the study (below that of its series, see ``series_view``), one per trial below it and,
with several folds or repeats, one for each of them below that. Times are those of the records, so
that the same ledger gives the same runs whenever it is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from raysearch.ledger.endings import OVER, count_states
from raysearch.ledger.entries import Entry
from raysearch.ledger.history import History
from raysearch.ledger.over_folds import mean_and_sd
from raysearch.ledger.run_records import Committed, Ended, Epoch, Lost
from raysearch.ledger.study_records import OUT_OF_TIME, TEST_FAILED
from raysearch.ledger.trial_history import RunHistory, TrialHistory
from raysearch.tracking.about_study import as_texts, common_tags, note, settings_of
from raysearch.tracking.points import Point, over_folds, points_of, split_facts

KEY = "raysearch.key"
# MLflow knows no word for what ended early on purpose; the tag ``state`` does
_STATUS = dict.fromkeys(("finished", "pruned", "refused", OUT_OF_TIME), "FINISHED") | dict.fromkeys(
    ("failed", "gave up", TEST_FAILED), "FAILED"
)


@dataclass(frozen=True, kw_only=True)
class RunView:
    """One MLflow run as it should be; ``end_ms`` is None while it goes on."""

    key: str
    parent: str | None
    name: str
    status: str
    start_ms: int
    end_ms: int | None
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    points: list[Point] = field(default_factory=list)


def experiment_name(history: History) -> str:
    """Name of the study's task; of a user's task file the class."""
    return str(history.created.space_file["task"]).rpartition(":")[2]


def study_key(history: History) -> str:
    """Tell studies apart, also two of the same name, and copies: name, identity, the first record's time."""
    # The time, since a study that was deleted and made again from the same file is another one.
    key = f"{history.created.study}/{history.created.identity[:16]}/{history.first_ms}"
    return f"{key}/{history.copied.id}" if history.copied else key


def views(entries: Sequence[Entry], *, is_held: bool, parent: str | None = None) -> list[RunView]:
    """Return the study's run and after it each trial's and fold's, parents first.

    Args:
        entries: the ledger.
        is_held: whether a process holds the study; if none does, what has not ended never will.
        parent: key of the series' run, if there is one.
    """
    study = StudyView()
    study.take(entries, is_held=is_held)
    return study.views(parent, study.history.trials)


def study_points(entries: Sequence[Entry]) -> list[Point]:
    """The metrics of the study's run: the best value after each trial, each evaluation's test figures."""
    study = StudyView()
    study.take(entries, is_held=False)
    return list(study.study_points())


class StudyView:
    """A study as MLflow should show it; give it all entries of its ledger, at once or as they come."""

    def __init__(self) -> None:
        self.history = History()
        self.time_ms: dict[tuple[Any, ...], int] = {}  # of records whose time the history does not keep
        self.lost: list[Lost] = []
        self.failed: dict[tuple[int, int], int] = {}  # by trial and fold: the epochs it had failed after
        self.best_values: list[Point] = []  # after each commit
        self._n_commits = 0
        self.front: set[int] = set()  # of several objectives, by trial

    def take(self, entries: Sequence[Entry], *, is_held: bool) -> None:
        """Take in the entries that follow those before, up to the ledger's end; ``is_held`` by a process."""
        self.history.take(entries)
        self.key = study_key(self.history)
        self.goes_on = is_held and self.history.closed is None
        for entry in entries:
            if isinstance(entry.record, Committed):
                self.time_ms["committed", entry.record.trial] = entry.time_ms
                self._commit(entry.record, entry.time_ms)
            elif isinstance(entry.record, Epoch):
                self.time_ms.setdefault(  # the first one told, as in the history
                    (entry.record.trial, entry.record.fold, entry.record.epoch), entry.time_ms
                )
            elif isinstance(entry.record, Lost):
                self.lost.append(entry.record)
            elif isinstance(entry.record, Ended) and entry.record.state == "failed":
                run = entry.record.trial, entry.record.fold
                self.failed[run] = max(entry.record.epochs, self.failed.get(run, 0))
        self.settings = settings_of(self.history)
        self.common = common_tags(self.history, self.key)
        if self.history.created.others:
            self.front = {trial.number for trial in self.history.front}

    def views(self, parent: str | None, trials: Iterable[TrialHistory]) -> list[RunView]:
        """The study's run, below that of its series if there is one, and those of some of its trials."""
        return [self._view(parent), *(view for trial in trials for view in self._trial_views(trial))]

    def _view(self, parent: str | None) -> RunView:
        history = self.history
        closed = history.closed.reason if history.closed else "left"
        search, budget = history.created.space_file["search"], history.created.space_file["budget"]
        about = {
            "objective": ",".join([history.created.objective, *history.created.others]),
            f"{history.created.run_word}s": history.created.folds,
            "sampler": search["sampler"],
        }
        params = {**self.settings, **about, **{f"budget.{name}": value for name, value in budget.items()}}
        return RunView(
            key=self.key,
            parent=parent,
            name=history.name,
            status="RUNNING" if self.goes_on else _STATUS.get(closed, "KILLED"),
            start_ms=history.first_ms,
            end_ms=None if self.goes_on else history.last_ms,
            params=as_texts(params),
            tags={**self.common, KEY: self.key, **as_texts(self._progress(closed))},
            points=list(self.study_points()),
        )

    def _progress(self, closed: str) -> dict[str, Any]:
        history, best = self.history, self.history.best
        tags: dict[str, Any] = {
            "mlflow.note.content": note(history),
            "trials": f"{count_states(history.committed)} of {history.n_trials}",
            "ended": "no" if self.goes_on else closed,
            "sessions": len(history.sessions),
        }
        if best and best.committed:
            tags |= {"best_trial": best.number, "best_value": best.committed.value}
            tags |= {f"best.{name}": value for name, value in best.settings.items()}
        if history.created.others:
            tags["pareto_front"] = ", ".join(str(trial.number) for trial in history.front)
        return tags

    def study_points(self) -> Iterator[Point]:
        """The best value after each commit, each evaluation's test figures."""
        yield from self.best_values
        for step, evaluation in enumerate(self.history.test_evaluations):
            if len(evaluation) == self.history.created.folds:  # of some of the folds there is no mean yet
                metrics = mean_and_sd([tested.metrics for tested, _ in evaluation])
                yield from points_of(metrics, max(time_ms for _, time_ms in evaluation), step)

    def _commit(self, record: Committed, time_ms: int) -> None:
        """Note the best value by now; its step is the place among commits, which only grows.

        MLflow's latest is that of the largest step, and trials may be committed out of the order of their
        numbers, and those that failed once more.
        """
        self._n_commits += 1
        best = self.best_values[-1].value if self.best_values else None
        value = record.value if record.state == "finished" else None
        if value is not None and (best is None or self.history.is_better(value, best)):
            best = value
        if best is not None:
            self.best_values.append(Point("best_value", best, time_ms, self._n_commits - 1))

    def _trial_views(self, trial: TrialHistory) -> Iterator[RunView]:
        """What waits is not shown: MLflow takes a run's start once, when it makes the run."""
        started = {run.fold: run.started_ms for run in trial.runs if run.started_ms is not None}
        if not started:
            return
        key = f"{self.key}/{trial.number}"
        shared = {**self.common, "trial": str(trial.number)}
        own = {"given": "true"} if trial.given else {}
        if self.history.created.others and trial.state == "finished" and trial.committed:
            own["pareto"] = "true" if trial.number in self.front else "false"
        parent = {} if trial.parent is None else {"parent": trial.parent}
        params = as_texts(parent | self.settings | trial.settings)
        if len(trial.runs) == 1:  # a trial of one run is that run: no level for nothing
            run = self._run_view(trial.runs[0], key, self.key, shared | own, params)
            run.points.extend(self._objectives(trial))
            yield run
            return
        ends = [run.ended_ms for run in trial.runs if run.ended_ms is not None]
        is_over = trial.is_over and bool(ends)
        yield RunView(
            key=key,
            parent=self.key,
            name=f"trial {trial.number}",
            status=self._status(trial.state),
            start_ms=min(started.values()),
            end_ms=max(ends) if is_over else self._end_of_the_rest(),
            params=params,
            tags={
                **shared,
                **own,
                KEY: key,
                **self._no_failure(trial.runs),
                **_ending(trial.state, trial.failure),
            },
            points=[*over_folds(trial, max(ends)), *self._objectives(trial)]
            if trial.committed and ends
            else [],
        )
        word = self.history.created.run_word
        for fold in started:
            yield self._run_view(trial.runs[fold], f"{key}/{fold}", key, shared | {word: str(fold)}, params)

    def _objectives(self, trial: TrialHistory) -> list[Point]:
        """All objectives of a finished trial, where there are several."""
        values = self.history.objectives(trial)
        if not self.history.created.others or values is None:
            return []
        names = [self.history.created.objective, *self.history.created.others]
        named = {f"objective/{name}": value for name, value in zip(names, values, strict=True)}
        return points_of(named, self.time_ms["committed", trial.number], 0)

    def _run_view(
        self,
        run: RunHistory,
        key: str,
        parent: str,
        tags: dict[str, str],
        params: dict[str, str],
    ) -> RunView:
        own: dict[str, Any] = {KEY: key, "attempt": run.attempt, **self._no_failure([run])}
        word = self.history.created.run_word
        points = [
            point
            for number in sorted(run.epochs)
            for point in points_of(
                run.epochs[number].metrics | {"epoch_seconds": run.epochs[number].seconds},
                self.time_ms[run.trial, run.fold, number],
                number,
            )
        ]
        lost = [record.reason for record in self.lost if (record.trial, record.fold) == (run.trial, run.fold)]
        if lost:
            own |= {"attempts_lost": "; ".join(lost)}
        if run.ended and run.ended_ms is not None:
            ended = run.ended
            numbers, texts = split_facts(ended.facts)
            own |= texts | _ending(ended.state, f"{ended.failure}: {ended.message}" if ended.failure else "")
            value = (
                {}
                if ended.value is None
                else {"value": ended.value, "best_epoch": float(ended.best_epoch or 0)}
            )
            best = {f"best/{name}": number for name, number in ended.metrics.items()}
            # Of one that had failed before, whose facts stand at its last epoch: the last step counts.
            step = max(ended.best_epoch or ended.epochs, self.failed.get((run.trial, run.fold), 0))
            points += points_of(value | best | numbers, run.ended_ms, step)
        for step, evaluation in enumerate(self.history.test_evaluations):
            for tested, time_ms in evaluation:
                if (tested.trial, tested.fold) == (run.trial, run.fold):
                    points += points_of(tested.metrics, time_ms, step)
        return RunView(
            key=key,
            parent=parent,
            name=f"trial {run.trial}" + (f" {word} {run.fold}" if word in tags else ""),
            status=self._status(run.ended.state if run.ended else "running"),
            start_ms=run.started_ms or 0,
            end_ms=run.ended_ms if run.ended else self._end_of_the_rest(),
            params=params,
            tags={**tags, **as_texts(own)},
            points=points,
        )

    def _no_failure(self, runs: Iterable[RunHistory]) -> dict[str, str]:
        """The tag that failed runs left, taken back for those that are tried again."""
        return {"failure": ""} if any((run.trial, run.fold) in self.failed for run in runs) else {}

    def _status(self, state: str) -> str:
        return _STATUS.get(state) or ("RUNNING" if self.goes_on else "KILLED")

    def _end_of_the_rest(self) -> int | None:
        return None if self.goes_on else self.history.last_ms


def _ending(state: str, failure: str) -> dict[str, str]:
    """How a run ended, for those that filter by tags."""
    return ({"state": state} if state in OVER else {}) | ({"failure": failure} if failure else {})
