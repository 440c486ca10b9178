"""A run's schedules of learning rates, and how far they are: over its own epochs and those of its parents."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from raysearch.tasks.schedule import Schedule

# What a plateau knows that is no setting.
PLATEAU = ("best", "num_bad_epochs", "cooldown_counter")


class RunningSchedules:
    """Schedules, with a count of what they have behind them.

    Args:
        schedules: freshly built, of a run that begins.
        optimizers: by name, whose steps are counted.

    Attributes:
        inherited_epochs: of the parents, see :meth:`go_on`.
    """

    def __init__(self, schedules: Iterable[Schedule], optimizers: Mapping[str, Optimizer]) -> None:
        self._all, self._optimizers = tuple(schedules), optimizers
        self.inherited_epochs = 0
        self._epochs, self._steps = 0, dict.fromkeys(optimizers, 0)
        # Of each schedule, what it has made of the rates where no count of epochs tells that.
        self._fallen = [1.0 for _ in self._all]

    def step_taken(self, of: str) -> None:
        """Count a step of an optimiser, and let its schedules of steps change its rates."""
        self._steps[of] += 1
        for schedule in self._all:
            if schedule.every == "step" and schedule.scheduler.optimizer is self._optimizers[of]:
                schedule.scheduler.step()

    def end_epoch(self, objective: float) -> None:
        """Count an epoch, and let schedules of epochs and of the objective (less is better) change rates."""
        self._epochs += 1
        for place, schedule in enumerate(self._all):
            if isinstance(schedule.scheduler, ReduceLROnPlateau):
                before = _first_rate(schedule)
                schedule.scheduler.step(objective)
                self._fallen[place] *= _first_rate(schedule) / before if before else 1.0
            elif schedule.every == "epoch":
                schedule.scheduler.step()

    def state(self) -> dict[str, Any]:
        """All of it, for a checkpoint."""
        behind = {"epochs": self._epochs, "steps": self._steps, "fallen": self._fallen}
        return {"schedules": [each.scheduler.state_dict() for each in self._all], "behind": behind}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take all back from a checkpoint; earlier versions did not count what is behind."""
        for schedule, known in zip(self._all, state["schedules"], strict=True):
            schedule.scheduler.load_state_dict(known)
        if behind := state.get("behind"):
            self._epochs, self._steps, self._fallen = (behind[key] for key in ("epochs", "steps", "fallen"))

    def go_on(self, parent: Mapping[str, Any]) -> None:
        """Go on where a parent's checkpoint was, with the own rates and settings, which may be others.

        Args:
            parent: its :meth:`state`; of an earlier version's nothing is known, and nothing changes.

        Raises:
            ValueError: a schedule has an end, and it is behind.
        """
        if not (behind := parent.get("behind")):
            return
        self.inherited_epochs = self._epochs = behind["epochs"]
        self._steps |= {name: n for name, n in behind["steps"].items() if name in self._steps}
        with warnings.catch_warnings():
            # Rightly said of a run that begins: no step of the optimiser was taken before.
            warnings.filterwarnings("ignore", "Detected call of `lr_scheduler.step")
            for schedule in self._all:
                for _ in range(self._behind(schedule)):
                    schedule.scheduler.step()
        for place, known in enumerate(parent["schedules"]):
            if place < len(self._all) and "num_bad_epochs" in known:
                self._go_on_plateau(place, known, behind["fallen"][place])

    def _behind(self, schedule: Schedule) -> int:
        """How often a schedule has been stepped by now; of a plateau that alone tells nothing."""
        if schedule.every == "epoch":
            return self._epochs
        of = [name for name, each in self._optimizers.items() if each is schedule.scheduler.optimizer]
        return self._steps[of[0]] if schedule.every == "step" else 0

    def _go_on_plateau(self, place: int, known: Mapping[str, Any], fallen: float) -> None:
        schedule = self._all[place]
        if not isinstance(schedule.scheduler, ReduceLROnPlateau):
            return
        schedule.scheduler.load_state_dict({key: known[key] for key in PLATEAU})
        for group in schedule.scheduler.optimizer.param_groups:
            group["lr"] *= fallen
        self._fallen[place] = fallen


def _first_rate(schedule: Schedule) -> float:
    """The rate of the optimiser's first group; all of them fall alike."""
    return float(schedule.scheduler.optimizer.param_groups[0]["lr"])
