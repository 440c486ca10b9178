"""The training loop: the same for one worker and many, on a laptop and on a cluster.

Every epoch's randomness (order of the examples, dropout) comes from (run seed, epoch), so that a run
continued from a checkpoint has the bits of one that was never interrupted.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from raysearch.data.shuffling import chunk_shuffled
from raysearch.data.tensors import Parts, TensorData
from raysearch.seeds import derive
from raysearch.tasks.task import Task, make_settings
from raysearch.training.checkpoint import Checkpoints, weights_sha256
from raysearch.training.counting import count_mflop, count_parameters
from raysearch.training.early_stopping import EarlyStopping, NeverStop
from raysearch.training.order import EpochReport, Order, Outcome, Report
from raysearch.training.randomness import load_parts, seed_all
from raysearch.training.workers import Workers

EVALUATION_ROWS = 1000


class RefusedError(Exception):
    """The model is over a limit; the run ends before it trains. Carries what was counted."""

    def __init__(self, message: str, facts: dict[str, Any]) -> None:
        super().__init__(message)
        self.facts = facts


class NonFiniteError(Exception):
    """A loss or metric is no longer a number; the run ends as failed."""


@dataclass
class Progress:
    """What a run has behind it, kept in its ``last`` checkpoint."""

    reports: list[EpochReport]
    best_epoch: int | None = None

    def to_plain(self) -> dict[str, Any]:
        """Plain values for the checkpoint."""
        reports = [{"epoch": r.epoch, "seconds": r.seconds, "metrics": r.metrics} for r in self.reports]
        return {"reports": reports, "best_epoch": self.best_epoch}

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Progress:
        """Read :meth:`to_plain` back."""
        return cls([EpochReport(**report) for report in plain["reports"]], plain["best_epoch"])


class Trainer:
    """One worker's side of one attempt at a run."""

    def __init__(self, task: Task[Any], order: Order, workers: Workers, report: Report) -> None:
        self.task, self.order, self.workers, self.report = task, order, workers, report
        self.settings = make_settings(task, order.settings)
        self.checkpoints = Checkpoints(order.run_folder, order.attempt)
        self.stopping = NeverStop() if order.patience is None else EarlyStopping(order.patience)
        parts = load_parts(task, order.source.of_fold(order.fold), self.settings)
        self.parts = Parts(parts.train.to(workers.device), parts.validation.to(workers.device), parts.test)
        seed_all(derive(order.seed, "weights"))
        self.model = task.model(self.settings).to(workers.device)
        self.facts = self._count()
        self.optimizer = task.optimizer(self.settings, self.model.parameters())
        self.scheduler = task.scheduler(self.settings, self.optimizer)
        self.parallel = workers.wrap(self.model)
        self.progress = Progress([])

    def _count(self) -> dict[str, Any]:
        """Count what the model costs, and refuse one that costs too much."""
        facts: dict[str, Any] = {
            "parameters": count_parameters(self.model),
            "mflop": count_mflop(self.task, self.model, self.parts.validation),
            "device": str(self.workers.device),
            "workers": self.workers.size,
        }
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
            facts=self.facts,
        )

    def _resume(self) -> None:
        content = self._content_to_resume()
        if content is None:
            return
        self.model.load_state_dict(content["model"])
        self.optimizer.load_state_dict(content["optimizer"])
        if self.scheduler is not None:
            self.scheduler.load_state_dict(content["scheduler"])
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
        """The newest one, unless the best epoch's weights are gone: then the run begins anew, to the same end."""
        found = self.checkpoints.newest("last")
        if found is None or self.checkpoints.newest("best", found[1]["progress"]["best_epoch"]) is None:
            return None
        return found

    def _is_over(self) -> bool:
        losses = [self._loss_of(report) for report in self.progress.reports]
        if len(losses) >= self.order.epochs or self._is_behind():
            return True
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
        train_loss = self._train_epoch(epoch)
        self.workers.share_buffers(self.model)
        outputs = evaluate(self.task, self.model, self.parts.validation, self.workers)
        found = self.task.metrics(outputs, self.parts.validation.to(torch.device("cpu")))
        metrics = {f"val_{name}": float(value) for name, value in found.items()}
        metrics["train_loss"] = train_loss
        bad = [name for name, value in metrics.items() if not math.isfinite(value)]
        if bad:
            raise NonFiniteError(f"{bad[0]} is {metrics[bad[0]]} in epoch {epoch}")
        report = EpochReport(epoch, time.monotonic() - started, metrics)
        best = self.progress.best_epoch
        is_best = best is None or self._loss_of(report) < self._loss_of(self.progress.reports[best - 1])
        self.progress.reports.append(report)
        if is_best:
            self.progress.best_epoch = epoch
        if self.scheduler is not None:
            self.scheduler.step(self._loss_of(report))
        if self.workers.rank == 0:
            self._save(epoch, is_best=is_best)
        self.report(report)

    def _save(self, epoch: int, *, is_best: bool) -> None:
        weights = self.model.state_dict()
        if is_best:
            self.checkpoints.save("best", epoch, {"model": weights})
        if not self._is_over():
            state = {"model": weights, "optimizer": self.optimizer.state_dict()}
            if self.scheduler is not None:
                state["scheduler"] = self.scheduler.state_dict()
            self.checkpoints.save("last", epoch, {**state, "progress": self.progress.to_plain()})
            self.checkpoints.keep("last", 2)
        self.checkpoints.keep("best", 2)  # of the generation before, too: `last` may still point to it

    def _train_epoch(self, epoch: int) -> float:
        """Train one epoch and return the mean loss per example."""
        seed_all(derive(self.order.seed, "epoch", epoch, self.workers.rank))
        train, size = self.parts.train, self.workers.size
        rows = self._rows_of(epoch).to(self.workers.device)
        self.parallel.train()
        total, n_seen = 0.0, 0
        for place, batch in enumerate(rows.split(self.settings.batch_size)):
            share = batch[self.workers.rank :: size]
            if len(batch) < size:
                break  # a last batch too small for every worker to have a part
            loss = self.task.loss(self.parallel, train.rows(share))
            weight = len(share) * size / len(batch)  # makes the mean over workers that over the batch
            (loss * weight).backward()
            mean_loss = self.workers.sum(loss.item() * weight) / size
            if not math.isfinite(mean_loss):
                raise NonFiniteError(f"the loss is {mean_loss} in epoch {epoch}, batch {place + 1}")
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)
            total += mean_loss * len(batch)
            n_seen += len(batch)
        return total / n_seen

    def _rows_of(self, epoch: int) -> Tensor:
        """Rows to train on, in their order; a smaller share is part of every larger one."""
        n = len(self.parts.train)
        shuffle = torch.Generator().manual_seed(derive(self.order.seed, "shuffle", epoch))
        rows = (
            chunk_shuffled(n, shuffle)
            if self.order.shuffle == "chunks"
            else torch.randperm(n, generator=shuffle)
        )
        share = self.order.shares[epoch - 1] if self.order.shares else 1.0
        if share < 1.0:
            draw = torch.Generator().manual_seed(derive(self.order.seed, "share"))
            place = torch.randperm(n, generator=draw)
            rows = rows[place[rows] < max(round(share * n), self.settings.batch_size)]
        return rows


@torch.no_grad()
def evaluate(task: Task[Any], model: nn.Module, data: TensorData, workers: Workers) -> Tensor:
    """Outputs (example, ...) of the model for a whole part of the data, on the CPU."""
    model.eval()
    mine = torch.arange(workers.rank, len(data), workers.size, device=workers.device)
    outputs = [task.predict(model, data.rows(rows)) for rows in mine.split(EVALUATION_ROWS)]
    return workers.gather_rows(torch.cat(outputs), len(data))
