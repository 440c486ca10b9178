"""What members of a series that differ in their workers came to: rates, and where the time of steps went."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from raysearch.ledger.history import History
from raysearch.ledger.trial_history import RunHistory
from raysearch.report.members import Member
from raysearch.scaling.projection import Measured as Layout

Kind = Literal["one", "weak", "strong", "apart", "batch"]


@dataclass(frozen=True)
class Scaled:
    """A member.

    Attributes:
        name: the member's.
        objective_name, objective: of the run, at its best epoch.
        kind: ``one`` worker, the base; ``weak`` or ``strong``; ``apart``: as many processes that know nothing
            of each other; ``batch``: one worker that accumulates batches.
        workers: of a run, or of ``apart`` its runs.
        batch: rows of a step, over all workers of a run.
        rate: rows a second over all runs that went on at once, and its standard error over epochs.
        computing, waiting, averaging: shares of the steps' time.
        step_s: seconds of a step.
        overlap: of runs at once, the share of the time in which all of them were under way.
    """

    name: str
    objective_name: str
    objective: float | None
    kind: Kind
    workers: int
    batch: int
    rate: float
    rate_error: float
    computing: float
    waiting: float
    averaging: float
    step_s: float
    overlap: float = 1.0

    @property
    def rows(self) -> float:
        """Of a step, on each worker."""
        return self.batch / (self.workers if self.kind in {"weak", "strong"} else 1)

    @property
    def layout(self) -> Layout:
        """For the model of cost."""
        return Layout(
            workers=self.workers if self.kind in {"weak", "strong"} else 1,
            rows=self.rows,
            busy=self.workers,
            computing_s=self.computing * self.step_s,
            waiting_s=self.waiting * self.step_s,
            averaging_s=self.averaging * self.step_s,
        )


def is_scaling(members: Sequence[Member]) -> bool:
    """Whether a series is one of the same run on several numbers of workers, or with larger batches."""
    files = [member.model.history.created.space_file for member in members if member.model]
    # As text, as the entry of a setting that is searched has no hash.
    return len({(_workers(file), str(file["space"].get("accumulate", 1))) for file in files}) > 1


def scaled_members(members: Sequence[Member]) -> list[Scaled]:
    """Members with a finished trial and timed steps, in their order."""
    models = {
        member.name: member.model.history
        for member in members
        if member.model and member.model.history.best and _timed(member.model.history)
    }
    if not models:
        return []
    base = min(
        (_batch(history) for history in models.values() if _layout_of(history) == (1, 1)),
        default=min(map(_batch, models.values())),
    )
    return [_scaled(name, history, base) for name, history in models.items()]


def _layout_of(history: History) -> tuple[int, int]:
    """Workers of a run, and runs."""
    file = history.created.space_file
    return _workers(file), file["budget"].get("repeats", 1)


def _workers(file: Mapping[str, Any]) -> int:
    return file.get("resources", {}).get("workers", 1)


def _batch(history: History) -> int:
    """Rows of a step, those that are accumulated among them."""
    assert history.best is not None
    settings = {**history.created.space_file["space"], **history.best.settings}
    return int(settings["batch_size"] * settings.get("accumulate", 1))


def _timed(history: History) -> bool:
    assert history.best is not None
    return all(epoch.timings.get("steps_s") for run in history.best.runs for epoch in run.epochs.values())


def _scaled(name: str, history: History, base: int) -> Scaled:
    assert history.best is not None
    (workers, repeats), batch, runs = _layout_of(history), _batch(history), history.best.runs
    kind: Kind = "one" if batch == base else "batch"
    if repeats > 1:
        kind = "apart"
    elif workers > 1:
        kind = "weak" if batch == base * workers else "strong"
    rates = [_rates(run) for run in runs]
    totals = [_totals(run) for run in runs]
    steps_s = sum(each["steps_s"] for each in totals)
    waiting, averaging = (
        sum(each[name] for each in totals) / steps_s for name in ("waiting_s", "averaging_s")
    )
    return Scaled(
        name,
        history.created.objective,
        history.best.value,
        kind,
        max(workers, repeats),
        batch,
        rate=sum(map(statistics.fmean, rates)),
        rate_error=sum(_error(each) ** 2 for each in rates) ** 0.5,
        computing=1 - waiting - averaging,
        waiting=waiting,
        averaging=averaging,
        step_s=steps_s / sum(each["steps"] for each in totals),
        overlap=_overlap(runs),
    )


def _counted(run: RunHistory) -> list[int]:
    """Epochs that count: the first is warmed up in, so that of several it does not."""
    epochs = sorted(run.epochs)
    return epochs[1:] or epochs


def _rates(run: RunHistory) -> list[float]:
    """Rows a second in each epoch that counts."""
    rates = []
    for number in _counted(run):
        before = run.epochs.get(number - 1)
        rows = run.epochs[number].metrics["presentations"]
        rows -= before.metrics["presentations"] if before else 0.0
        rates.append(rows / run.epochs[number].timings["steps_s"])
    return rates


def _error(rates: Sequence[float]) -> float:
    return statistics.stdev(rates) / len(rates) ** 0.5 if len(rates) > 1 else float("nan")


def _totals(run: RunHistory) -> dict[str, float]:
    timings = [run.epochs[number].timings for number in _counted(run)]
    names = ("steps", "steps_s", "waiting_s", "averaging_s")
    return {name: sum(each[name] for each in timings) for name in names}


def _overlap(runs: Sequence[RunHistory]) -> float:
    spans = [(run.started_ms, run.ended_ms) for run in runs]
    starts, ends = [start or 0 for start, _ in spans], [end or 0 for _, end in spans]
    return max(min(ends) - max(starts), 0) / max(max(ends) - min(starts), 1)
