"""The sections of a space file, as frozen values that check themselves; unknown keys are refused."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictFloat,
    StrictInt,
    StrictStr,
    field_validator,
    model_validator,
)

from raysearch.space.domains import Value
from raysearch.space.durations import parse_duration
from raysearch.space.sizes import parse_size

Number = StrictFloat | StrictInt
AtLeastOne = Annotated[StrictInt, Field(ge=1)]
VariableName = Annotated[StrictStr, Field(pattern="^[A-Za-z_][A-Za-z0-9_]*$")]


class Section(BaseModel):
    """A part of a space file."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class DataSection(Section):
    """Which jets, showers, ...; without a path, the sample that ships with the package."""

    path: StrictStr | tuple[StrictStr, ...] | None = None  # a file or folder, or a list of them
    split: tuple[Number, Number, Number] = (0.6, 0.2, 0.2)  # training, validation, test
    fold_by: Literal["event", "file", "random"] = "event"  # what stays together in a fold
    limit: AtLeastOne | None = None  # train on so many examples only, for learning curves
    shuffle: Literal["full", "chunks"] = "full"  # chunks: near rows together, for files larger than memory

    # "Before", so that a wrong value is told in words of our own and not once for each type of the union.
    @field_validator("path", mode="before")
    @classmethod
    def _paths(cls, path: object) -> object:
        several = path if isinstance(path, list | tuple) else (path,)
        if path is not None and not (several and all(isinstance(each, str) and each for each in several)):
            raise ValueError(f"must be a file or folder, or a list of them, got {path!r:.60}")
        # A list of one is that one: the same study, whichever way it is written.
        return several[0] if len(several) == 1 else tuple(several)

    @field_validator("split")
    @classmethod
    def _fractions(cls, split: tuple[float, float, float]) -> tuple[float, float, float]:
        if min(split) <= 0 or abs(sum(split) - 1) > 1e-9:
            raise ValueError(f"needs three fractions above 0 that add up to 1, got {list(split)}")
        return split


class PruneSection(Section):
    """When a run that is behind the committed ones stops early.

    ``median``: worse than their median at the same epoch. ``halving``: at a rung, not among the best one in
    ``factor``; the rungs are epochs, each ``factor`` times the one before (by: epochs), or shares of the
    training data, each ``factor`` times the one before (by: data).
    """

    rule: Literal["median", "halving"]
    startup: AtLeastOne = 5  # committed trials before anything is pruned
    first_epoch: AtLeastOne = 1  # of the first decision
    factor: Annotated[StrictInt, Field(ge=2)] = 3  # halving
    by: Literal["epochs", "data"] = "epochs"  # halving
    smallest_share: Annotated[Number, Field(gt=0, le=1)] = 0.1  # of the training data, by: data

    @property
    def stages(self) -> int:
        """Shares of the training data, by: data, the last of them all."""
        # 1e-9, as log(243, 3) comes out a rounding error below 5, which would lose a stage.
        return math.floor(math.log(1 / self.smallest_share, self.factor) + 1e-9) + 1

    @model_validator(mode="after")
    def _read(self) -> PruneSection:
        what = "rule: median" if self.rule == "median" else f"by: {self.by}"
        unread = {
            "rule: median": ("factor", "by", "smallest_share"),
            "by: epochs": ("smallest_share",),
            "by: data": ("first_epoch",),
        }
        for name in unread[what]:  # a checked file has all defaults written out
            if getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(f"{name} does nothing with {what}; leave it out")
        return self

    def problems(self, epochs: int) -> Iterator[str]:
        """Say why nothing would be pruned, or not as it was meant, with a budget of so many epochs."""
        if self.rule == "halving" and self.by == "data":
            if self.stages == 1:
                yield (
                    f"one stage prunes nothing; smallest_share must be up to 1/{self.factor}, "
                    f"got {self.smallest_share}"
                )
            elif epochs < self.stages:
                yield (
                    f"by: data needs budget.epochs of at least {self.stages}, one for each share, "
                    f"got {epochs}"
                )
        elif self.first_epoch >= epochs:
            yield (
                f"the last epoch prunes nothing; needs budget.epochs above first_epoch {self.first_epoch}, "
                f"got {epochs}"
            )


class PruneFoldsSection(Section):
    """When a trial's remaining folds are left out: Wilcoxon's signed-rank test against the best trial's."""

    p_threshold: Annotated[Number, Field(gt=0, lt=1)] = 0.1
    startup: AtLeastOne = 2  # folds before the first test

    def problems(self, runs: int) -> Iterator[str]:
        """Say why nothing would be pruned with so many runs of a trial; the last has none after it."""
        # Of n differences that all have one sign the one-sided p is 2^-n, the least that the test can give: n
        # must be above -log2(p_threshold), and one more fold must be left that pruning saves.
        needed = max(math.floor(-math.log2(self.p_threshold)) + 2, self.startup + 1, 3)
        if runs < needed:
            yield (
                f"with p_threshold {self.p_threshold:g} and startup {self.startup} nothing could be pruned; "
                f"needs budget.folds or budget.repeats of at least {needed}, got {runs}"
            )


class SearchSection(Section):
    """Who proposes settings, how many, and how far ahead of the results."""

    sampler: StrictStr = "tpe"  # or gp, nsga2, random, grid, nevergrad:NAME
    trials: AtLeastOne
    window: AtLeastOne | None = None  # trials asked ahead; default 2 x slots at first start
    order: Literal["deterministic", "fast"] = "deterministic"  # commit by number, or by arrival
    options: dict[StrictStr, Value] = {}  # the sampler's own
    enqueue: Literal["published"] | tuple[dict[StrictStr, Value], ...] = ()  # settings to begin with
    prune: PruneSection | None = None
    prune_folds: PruneFoldsSection | None = None


class BudgetSection(Section):
    """What one run may spend, and how many runs a trial is."""

    epochs: AtLeastOne
    patience: AtLeastOne | None = None  # epochs without progress before a run stops early
    folds: AtLeastOne = 1  # of a cross-validation; the objective is their mean
    repeats: AtLeastOne = 1  # runs of a trial that differ in their seed alone; the objective is their mean
    stop: Literal["floor"] | None = None  # no further trial once the objective is that of real against real
    max_failed: Annotated[StrictInt, Field(ge=0)] = 0  # failed trials above which the exit code is 1
    time: Number | StrictStr | None = None  # of the study, from each start or resume: 2h, or seconds
    run_time: Number | StrictStr | None = None  # of a run; over it the run has failed
    silence: Number | StrictStr | None = None  # between two epochs of a run; over it the run hangs

    @field_validator("time", "run_time", "silence", mode="before")
    @classmethod
    def _duration(cls, duration: object) -> object:
        if duration is not None:
            parse_duration(duration)
        return duration

    @model_validator(mode="after")
    def _one_kind_of_runs(self) -> BudgetSection:
        # Both number a trial's runs in the ledger, so that they could not be told apart there.
        if self.folds > 1 and self.repeats > 1:
            raise ValueError("each fold has a seed of its own already; give folds or repeats, not both")
        return self

    @property
    def runs(self) -> int:
        """Runs of one trial."""
        return max(self.folds, self.repeats)


class LimitsSection(Section):
    """Models above a limit are refused before they train."""

    parameters: AtLeastOne | None = None  # weights that are trained
    mflop: Annotated[Number, Field(gt=0)] | None = None  # 10^6 operations for one example, inference

    @property
    def given(self) -> dict[str, float]:
        """The limits that there are, by name."""
        return {name: limit for name, limit in self if limit is not None}


class ResourcesSection(Section):
    """What one worker of a run gets."""

    cpus: Annotated[Number, Field(gt=0)] = 1
    gpus: Annotated[Number, Field(ge=0)] = 0  # 1, or a share of one
    workers: AtLeastOne = 1  # data-parallel workers of one run
    min_workers: AtLeastOne | None = None  # go on with so few where there is no place for all; default: wait
    threads: AtLeastOne = 1  # of a worker; decides bits
    environment: tuple[VariableName, ...] = ()  # variables that runs see beside the usual ones
    memory: StrictStr | None = None  # what a worker may take beside the program itself, such as 4 GB

    @field_validator("memory", mode="before")
    @classmethod
    def _size(cls, memory: object) -> object:
        if memory is not None:
            parse_size(memory)
        return memory

    @model_validator(mode="after")
    def _no_more_than_all(self) -> ResourcesSection:
        if self.least_workers > self.workers:
            raise ValueError(f"min_workers: must be at most workers = {self.workers}, got {self.min_workers}")
        return self

    @property
    def least_workers(self) -> int:
        """How many workers a run needs to go on."""
        return self.workers if self.min_workers is None else self.min_workers

    @field_validator("gpus")
    @classmethod
    def _one_gpu(cls, gpus: float) -> float:
        if gpus > 1:
            raise ValueError(f"a worker computes on one GPU; for several raise resources.workers, got {gpus}")
        return gpus


class StorageSection(Section):
    """What stays on disk. Decides nothing of the results, so it is no part of a study's identity."""

    keep: int | Literal["all"] = 1  # of the best finished trials so many keep their weights
    disk: str | None = None  # what the study's folder may hold, such as 2 GB

    # "Before", so that a wrong value is told in words of our own and not once for each type of the union.
    @field_validator("keep", mode="before")
    @classmethod
    def _whole_or_all(cls, keep: object) -> object:
        if keep != "all" and (type(keep) is not int or keep < 1):
            raise ValueError(f"must be a whole number of trials from 1 on, or all, got {keep!r:.60}")
        return keep

    @field_validator("disk", mode="before")
    @classmethod
    def _size(cls, disk: object) -> object:
        if disk is not None:
            parse_size(disk)
        return disk


class PublishedSection(Section):
    """What a paper reports for one set of settings; shown beside our own figures."""

    source: StrictStr
    settings: dict[StrictStr, Value]
    metrics: dict[StrictStr, Number | tuple[Number, Number]] = {}  # a value, or a value and its error
