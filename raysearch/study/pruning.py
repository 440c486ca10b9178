"""When to give up on what is behind: within a run, and across the folds of a trial.

Everything is decided from the trials that were committed when the trial in question was asked
(``n_committed_when_asked``), whatever has finished since. So a run can be told at its start where it must be
by when, decides on its own as it trains, and the same seed gives the same history on any number of cores.

- median: stop when the best so far is worse than the median at the same epoch (Golovin et al.,
  Google Vizier, KDD 2017, its median stopping rule), here of the others' best so far, in place
  of the paper's running averages.
- halving: at each rung only the best one in ``factor`` goes on (Jamieson and Talwalkar, AISTATS 2016), in the
  asynchronous, stopping form (Li et al., arXiv:1810.05934), one rung at a time as trials come.
- across folds: Wilcoxon's signed-rank test of the folds done against the best trial's (Optuna's
  WilcoxonPruner).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from raysearch.ledger.history import History
from raysearch.ledger.run_records import RunState
from raysearch.ledger.trial_history import TrialHistory
from raysearch.space.sections import PruneFoldsSection, PruneSection


@dataclass(frozen=True)
class Schedule:
    """What a run is told of pruning before it begins.

    Attributes:
        cuts: by epoch, the loss that the run's best so far must not be above; None where nothing is asked.
        shares: by epoch, the share of the training data to train on; empty for all of them.
    """

    cuts: tuple[float | None, ...] = ()
    shares: tuple[float, ...] = ()


UNPRUNED = Schedule()


@dataclass(frozen=True)
class Verdict:
    """How a trial ends; ``value`` is the mean over the ``folds`` that were looked at."""

    state: RunState
    value: float | None
    folds: int


def schedule_for(rule: PruneSection | None, epochs: int, curves: Sequence[Sequence[float]]) -> Schedule:
    """Write a run's schedule.

    Args:
        rule: the space file's ``search.prune``.
        epochs: of the budget.
        curves: of each run to compare with (the same fold of known trials), the best loss up to each epoch.
    """
    if rule is None:
        return UNPRUNED
    if rule.rule == "median":
        # Not the last epoch: whoever is there has cost all that it could.
        asked = range(rule.first_epoch, epochs)
        return Schedule(_cuts(rule, epochs, curves, asked, quantile=0.5))
    if rule.by == "epochs":
        # Rungs r eta^k, up to the budget (arXiv:1810.05934, Algorithm 2). 1e-9: log(243, 3) is 4.999...
        n_rungs = math.floor(math.log(epochs / rule.first_epoch, rule.factor) + 1e-9) + 1
        rungs = [rule.first_epoch * rule.factor**n for n in range(max(n_rungs, 0))]
        return Schedule(_cuts(rule, epochs, curves, rungs, quantile=1 / rule.factor))
    n_stages = rule.stages  # the space file has at least one epoch for each
    # Equal numbers of epochs for each share, which grows by the factor: eta^(k - K + 1), the last all data.
    ends = [epochs * (n + 1) // n_stages for n in range(n_stages)]
    shares = [
        float(rule.factor) ** (stage - n_stages + 1)
        for epoch in range(epochs)
        for stage in [next(n for n, end in enumerate(ends) if epoch < end)]
    ]
    return Schedule(_cuts(rule, epochs, curves, ends, quantile=1 / rule.factor), tuple(shares))


def _cuts(
    rule: PruneSection,
    epochs: int,
    curves: Sequence[Sequence[float]],
    asked: Sequence[int],
    quantile: float,
) -> tuple[float | None, ...]:
    cuts: list[float | None] = [None] * epochs
    for epoch in asked:
        there = [curve[epoch - 1] for curve in curves if len(curve) >= epoch]
        # Of those that came this far: a run that was pruned before has no loss here, so the cut is stricter.
        if epoch < epochs and len(there) >= rule.startup:
            cuts[epoch - 1] = float(np.quantile(there, quantile))
    return tuple(cuts)


def known_curves(history: History, trial: TrialHistory, fold: int, epochs: int) -> list[list[float]]:
    """Best loss up to each epoch, of the same fold of every trial that was committed when this one was asked.

    A run that ended by itself before the last epoch keeps its best; one that was pruned is known up to there.
    """
    curves = []
    for other in history.commit_order[: trial.n_committed_when_asked]:
        run = other.runs[fold]
        was_looked_at = other.committed is not None and fold < other.committed.folds and not other.was_retried
        if not was_looked_at or run.ended is None or run.ended.state not in {"finished", "pruned"}:
            continue
        losses = [
            history.as_loss(run.epochs[epoch].metrics[history.created.objective])
            for epoch in sorted(run.epochs)
            if epoch <= run.ended.epochs
        ]
        # Best so far, since it is the best epoch's weights that a run is judged by.
        curve = np.minimum.accumulate(losses).tolist()
        if run.ended.state == "finished":
            curve += [curve[-1]] * (epochs - len(curve))
        curves.append(curve)
    return curves


def verdict_on(history: History, trial: TrialHistory, rule: PruneFoldsSection | None) -> Verdict | None:
    """Say how a trial ends, or None while that is open.

    The folds are looked at in their order, whichever came first, and the first that ends the trial decides.
    """
    values: list[float] = []
    for run in trial.runs:
        if run.ended is None:
            return None
        if run.ended.value is None:
            # A mean without a failed fold would compare the trial on other data than all the others.
            return Verdict(run.ended.state, None, run.fold + 1)
        values.append(run.ended.value)
        mean = sum(values) / len(values)
        if run.ended.state == "pruned":
            return Verdict("pruned", mean, len(values))
        if rule and len(values) < len(trial.runs) and _is_behind(history, trial, values, rule):
            return Verdict("pruned", mean, len(values))
    return Verdict("finished", mean, len(values))


def _is_behind(
    history: History, trial: TrialHistory, values: Sequence[float], rule: PruneFoldsSection
) -> bool:
    """Ask Optuna's WilcoxonPruner, which compares fold by fold with the best trial known."""
    finished = [
        other
        for other in history.commit_order[: trial.n_committed_when_asked]
        if other.state == "finished" and not other.was_retried
    ]
    if not finished:
        return False
    best = min(finished, key=lambda other: history.as_loss(other.value or 0.0))
    reference = [
        history.as_loss(run.ended.value) for run in best.runs if run.ended and run.ended.value is not None
    ]
    # Optuna takes its time to import, and most studies never get here.
    from raysearch.search.optuna_search import falls_behind  # noqa: PLC0415

    return falls_behind(
        [history.as_loss(value) for value in values],
        reference,
        p_threshold=rule.p_threshold,
        n_startup_steps=rule.startup,
    )
