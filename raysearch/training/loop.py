"""The training loop: the same for one worker and many, on a laptop and on a cluster.

Every epoch's randomness (order of the examples, dropout) comes from (run seed, epoch), so that a run
continued from a checkpoint has the bits of one that was never interrupted.
"""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import torch

from raysearch.data.tensors import Parts
from raysearch.models.kernels.noted import forget_noted, noted
from raysearch.seeds import derive
from raysearch.tasks.descent import LOSS
from raysearch.tasks.settings import make_settings
from raysearch.tasks.task import Task
from raysearch.training.by_evolution import Evaluator, EvolutionLearner
from raysearch.training.by_gradient import GradientLearner
from raysearch.training.checkpoint import Checkpoints, weights_sha256
from raysearch.training.counting import count_mflop, count_parameters
from raysearch.training.descent import NonFiniteError
from raysearch.training.early_stopping import EarlyStopping, NeverStop
from raysearch.training.evaluation import evaluate
from raysearch.training.finite import finite, left_out
from raysearch.training.inherit import inherit
from raysearch.training.learner import Learner, RunContext
from raysearch.training.order import EpochReport, Order, Outcome, Report
from raysearch.training.progress import Progress
from raysearch.training.randomness import seed_all
from raysearch.training.study_data import load_as_ordered
from raysearch.training.workers import Workers


class RefusedError(Exception):
    """The model is over a limit; the run ends before it trains. Carries what was counted."""

    def __init__(self, message: str, facts: dict[str, Any]) -> None:
        super().__init__(message)
        self.facts = facts


class Trainer:
    """One worker's side of one attempt at a run."""

    def __init__(
        self,
        task: Task[Any],
        order: Order,
        workers: Workers,
        report: Report,
        evaluator: Evaluator | None = None,
    ) -> None:
        self.task, self.order, self.workers, self.report = task, order, workers, report
        self.settings = make_settings(task, order.settings)
        forget_noted()
        self.checkpoints = Checkpoints(order.run_folder, order.attempt)
        self.stopping = NeverStop() if order.patience is None else EarlyStopping(order.patience)
        parts = load_as_ordered(task, order, self.settings)
        self.parts = Parts(parts.train.to(workers.device), parts.validation.to(workers.device), parts.test)
        # After the data are loaded: what a loader draws must not decide the weights.
        seed_all(derive(order.seed, "weights"))
        self.model = task.model(self.settings).to(workers.device)
        self.facts = self._count()
        inherited = inherit(order, self.model)
        self.context = RunContext(task, order, self.settings, self.model, self.parts.train, workers)
        self.learner: Learner = (
            EvolutionLearner(self.context, evaluator)
            if order.strategy
            else GradientLearner(self.context, inherited)
        )
        self.progress = Progress([])

    def _count(self) -> dict[str, Any]:
        """Count what the model costs, and refuse one that costs too much."""
        facts: dict[str, Any] = {
            "parameters": count_parameters(self.model),
            "mflop": count_mflop(self.task, self.model, self.parts.validation),
            "device": str(self.workers.device),
            "workers": self.order.workers,
        }
        if self.order.agreement:
            facts["agreement"] = self.order.agreement
        if told := self.task.training_loss(self.settings):
            facts["training_loss"] = told
        over = [
            f"{name} {facts[name]:.6g} > {limit:g}"
            for name, limit in self.order.limits.items()
            if facts[name] > limit
        ]
        if over:
            raise RefusedError(", ".join(over), facts)
        return facts

    def run(self) -> Outcome:
        """Train to the end, or on from the last checkpoint."""
        started = time.monotonic()
        self._resume()
        while not self._is_over():
            self._epoch(len(self.progress.reports) + 1)
        best_epoch = self.progress.best_epoch
        assert best_epoch is not None  # there is an epoch at least, and its objective is finite
        self.workers.wait()  # the first worker's files are there for all
        best = self.checkpoints.newest("best", best_epoch)
        if best is None:
            raise FileNotFoundError(f"the checkpoint of the best epoch, {best_epoch}, is gone or damaged")
        path, content = best
        metrics = self.progress.reports[best_epoch - 1].metrics
        return Outcome(
            state="pruned" if self._is_behind() else "finished",
            value=metrics[self.order.objective],
            metrics=metrics,
            best_epoch=best_epoch,
            epochs=len(self.progress.reports),
            weights=str(path.relative_to(self.order.study_folder)),
            weights_sha256=weights_sha256(content["model"]),
            seconds=time.monotonic() - started,
            message=self.progress.message,
            facts=self.facts | self._kernel | self._changing_workers,
        )

    def _resume(self) -> None:
        content = self._content_to_resume()
        if content is None:
            return
        self.model.load_state_dict(content["model"])
        self.learner.load_state(content)
        self.progress = Progress.from_plain(content["progress"])
        for report in self.progress.reports:
            self.report(report)  # the ledger may have lost the tail; it ignores what it knows

    def _content_to_resume(self) -> dict[str, Any] | None:
        """The newest checkpoint that the first worker finds sound; the others take the same epoch's.

        A worker of an earlier attempt may still be writing, so that each for itself could find another.
        """
        found = self._sound_checkpoint() if self.workers.rank == 0 else None
        epoch = int(self.workers.sum(0 if found is None else len(found[1]["progress"]["reports"])))
        if epoch and found is None:
            found = self.checkpoints.newest("last", epoch)
            if found is None:
                raise FileNotFoundError(
                    f"the checkpoint of epoch {epoch} is gone or damaged for worker {self.workers.rank}"
                )
        return None if found is None else found[1]

    def _sound_checkpoint(self) -> tuple[Path, dict[str, Any]] | None:
        """The newest one, unless the best epoch's weights are gone: then the run begins anew, to the same."""
        found = self.checkpoints.newest("last")
        # A `last` without its `best` would have nothing to give in the end: the run begins anew.
        if found is None or self.checkpoints.newest("best", found[1]["progress"]["best_epoch"]) is None:
            return None
        return found

    def _is_over(self) -> bool:
        losses = [self._loss_of(report) for report in self.progress.reports]
        if len(losses) >= self.order.epochs or self._is_behind():
            return True
        if 1.0 in self.order.shares:  # what a share of the data comes to is not what all of it does
            losses = losses[self.order.shares.index(1.0) :]
        return bool(losses) and self.stopping.should_stop(losses)

    def _is_behind(self) -> bool:
        """Whether the best loss so far is above the cut of the last epoch, which other trials have set."""
        reports, cuts = self.progress.reports, self.order.cuts
        cut = cuts[len(reports) - 1] if reports and cuts else None
        return cut is not None and min(self._loss_of(report) for report in reports) > cut

    def _loss_of(self, report: EpochReport) -> float:
        value = report.metrics[self.order.objective]
        return -value if self.order.maximise else value

    def _epoch(self, epoch: int) -> None:
        started = time.monotonic()
        self.progress.train_with(self.workers.size)
        result = self.learner.train_epoch(epoch)
        metrics = self._finite(self._validate() | result.metrics, epoch)
        metrics["presentations"] = result.presentations + self._presentations
        for name in result.idle:
            self.progress.remark(f"{name} took no step")
        for remark in result.remarks:
            self.progress.remark(remark)
        for name in sorted(result.at_rest):
            self.progress.remark(f"the learning rate{'' if name == LOSS else f' of {name}'} was 0")
        report = EpochReport(epoch, time.monotonic() - started, metrics, dict(result.timings))
        best = self.progress.best_epoch
        is_best = best is None or self._loss_of(report) < self._loss_of(self.progress.reports[best - 1])
        self.progress.reports.append(report)
        self.progress.kernels |= noted()
        if is_best:
            self.progress.best_epoch = epoch
        # Before the checkpoint, which must hold the rates of the next epoch.
        self.learner.end_epoch(self._loss_of(report))
        state = self.learner.state()  # by every worker, for it may be made of what each of them has
        if self.workers.rank == 0:
            self._save(epoch, state, is_best=is_best)
        self.report(report)

    def _validate(self) -> dict[str, float]:
        """Judge the model on the validation part."""
        self.workers.share_buffers(self.model)
        outputs = evaluate(
            self.task,
            self.model,
            self.parts.validation,
            self.workers,
            seed=self.order.seed,
            precision=self.order.precision,
        )
        # Every worker computes them, from all outputs: all decide alike on the best epoch and on the end.
        found = self.task.metrics(outputs, self.parts.validation.to(torch.device("cpu")))
        return {f"val_{name}": float(value) for name, value in found.items()}

    def _finite(self, metrics: dict[str, float], epoch: int) -> dict[str, float]:
        """Leave out what is no finite number, unless it is an objective, which must be one."""
        for name in (self.order.objective, *self.order.others):
            if not math.isfinite(metrics.get(name, 0.0)):
                raise NonFiniteError(f"{name} is {metrics[name]} in epoch {epoch}")
        for remark in left_out(metrics):
            self.progress.remark(remark)
        return finite(metrics)

    def _save(self, epoch: int, state: dict[str, Any], *, is_best: bool) -> None:
        weights = self.model.state_dict()
        if is_best:
            # Moments double or triple its size, and only a child goes on with them.
            kept = state if self.order.breeds and not self.order.strategy else {}
            self.checkpoints.save("best", epoch, {"model": weights, **kept})
        # Nobody goes on with a run that is over; its best is in the other file.
        if not self._is_over():
            progress = self.progress.to_plain()
            self.checkpoints.save("last", epoch, {"model": weights, **state, "progress": progress})
            self.checkpoints.keep("last", 2)
        self.checkpoints.keep("best", 2)  # of the generation before, too: `last` may still point to it

    @property
    def _kernel(self) -> dict[str, str]:
        """Which kernel computed the run, for the ledger; empty if its model asked for no compiled one."""
        return {"kernel": " and ".join(sorted(self.progress.kernels))} if self.progress.kernels else {}

    @property
    def _changing_workers(self) -> dict[str, str]:
        """With how many workers the run was trained, for the ledger, where that changed."""
        changing = self.progress.changing_workers
        return {"changing_workers": changing} if changing else {}

    @property
    def _presentations(self) -> float:
        """Examples shown to networks in this run so far."""
        return self.progress.reports[-1].metrics["presentations"] if self.progress.reports else 0.0
