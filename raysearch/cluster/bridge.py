"""Between Tune's trials and the study's runs: what Tune tells of a trial reaches the study as its run's."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from raysearch.cluster.group_size import GroupSize
from raysearch.cluster.machine_loss import MachineLoss
from raysearch.cluster.run_processes import end_processes, machines_of
from raysearch.errors import ChangedError, ResourceError, StorageError
from raysearch.launch.orders import end_overdue, ended_record, order_for
from raysearch.launch.stop_flag import StopFlag
from raysearch.launch.watch import Watch
from raysearch.study.run import Run
from raysearch.study.study import Study
from raysearch.training.order import Outcome

P = ParamSpec("P")
T = TypeVar("T")

LONGEST_REASON = 300
COLOURS = re.compile("\x1b\\[[0-9;]*m")  # of terminals, which Ray writes into its errors
MAX_NOT_BEGUN = 3  # processes in a row, for each slot, that end before they train


def reason_in(text: str) -> str:
    """One line of an error: of a traceback that Ray passes on the last, of its own messages the first."""
    plain = COLOURS.sub("", text)
    lines = [line.strip() for line in plain.splitlines() if line.strip()] or ["no reason given"]
    is_traceback = "Traceback" in plain or lines[0].startswith("ray::")  # Ray's begins with where it was
    return lines[-1 if is_traceback else 0][:LONGEST_REASON]


def _kept(
    method: Callable[Concatenate[Bridge, P], T | None],
) -> Callable[Concatenate[Bridge, P], T | None]:
    """Keep what a call from Tune raises, and end Tune: there it would be wrapped, or counted to a trial."""

    @wraps(method)
    def guarded(self: Bridge, *args: P.args, **kwargs: P.kwargs) -> T | None:
        if self.failure is None:
            try:
                return method(self, *args, **kwargs)
            except Exception as error:  # noqa: BLE001 - raised again when Tune has ended
                self.failure = error
        return None

    return guarded


class Bridge:
    """The runs that Tune carries out for a study.

    Attributes:
        runs: by Tune's trial, what is handed out.
        suspects: runs (trial, fold) of which one was killed for the memory it took; nobody says which.
            They go on one at a time, so that a run that is killed again is the one to blame.
        resizing: Tune is to end, so that runs go on with another number of workers.
        failure: ends the study as soon as Tune has ended.
    """

    def __init__(
        self, study: Study, stop: StopFlag, size: GroupSize, machine_loss: MachineLoss | None = None
    ) -> None:
        self.study, self.stop, self.size = study, stop, size
        self.resizing = False
        self._workers: dict[str, int] = {}  # of each of the runs, where their number may change
        self.runs: dict[str, Run] = {}
        self.suspects: set[tuple[int, int]] = set()
        self.failure: Exception | None = None
        self._watch = Watch(study.history.run_limits, study.history, automatic=True)
        space_file = study.space_file
        self._evolves = space_file.strategy is not None
        self._n_not_begun = 0
        self._machine_loss = machine_loss or MachineLoss()

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles its state for a restore that never comes, and a live view holds a lock."""
        return {}

    @property
    def slots(self) -> int:
        """How many runs fit at once."""
        return self.size.slots

    @property
    def is_over(self) -> bool:
        """Whether Tune is to be given nothing more."""
        return self.stop.requested or self.study.is_over or self.failure is not None or self.resizing

    @_kept
    def hand_out(self, trial_id: str) -> dict[str, str] | None:
        """Give Tune a run; more than there are slots, so that a freed actor finds its next run waiting."""
        self._settle()  # where nothing runs, Tune asks for a run and looks at nothing
        most = 1 if self.suspects else 2 * self.slots
        if len(self.runs) >= most or (run := self.study.next_run()) is None:
            return None
        self.runs[trial_id] = run
        order = order_for(self.study, run)
        if self.size.may_change:
            self._workers[trial_id] = self.size.workers
            order = replace(order, workers=self._workers[trial_id])
        return {"order": json.dumps(order.to_plain())}

    @_kept
    def started(self, trial_id: str) -> None:
        """Tune has a process for a trial, which begins."""
        self._n_not_begun = 0
        self._machine_loss.began(trial_id)
        # Now and not when it was handed out: the ledger says what runs, not what waits.
        self.study.started(self.runs[trial_id], self._workers.get(trial_id))
        # That of a group begins when its workers are there: to start them may take long, and is none of its.
        if self._evolves or self._workers.get(trial_id, self.size.all) == 1:
            self._watch.begin(self.runs[trial_id])

    @_kept
    def result(self, trial_id: str, result: dict[str, Any]) -> None:
        """A trial's process has told something."""
        run = self.runs.get(trial_id)
        if run is None:
            return
        if result.get("event") == "begun":
            self._watch.begin(run)
        elif result.get("event") == "epoch":
            report = json.loads(result["report"])
            self.study.report(run, **report)
            self._watch.heard(run, report["seconds"])
            self.resizing |= self.size.is_stale(self._workers)  # now, when nothing of an epoch is lost
        elif result.get("event") == "ended":
            # Before the study hears of the end: what follows from it may hand out the next run at once.
            self._let_go(trial_id)
            self.suspects.discard((run.trial, run.fold))
            self.study.end(ended_record(run, Outcome(**json.loads(result["outcome"]))))
        elif result.get("event") == "storage":
            raise StorageError(result["message"])
        elif result.get("event") == "changed":
            raise ChangedError(result["message"])

    @_kept
    def lose(self, trial_id: str, reason: str) -> None:
        """A trial's process has ended without a result."""
        if self.resizing:
            return  # Tune ends it, and it is taken back with the others
        run = self._let_go(trial_id)
        if run is None or self.stop.requested:
            return
        if self.study.has_begun(run):
            order = order_for(self.study, run)
            its = machines_of(order.run_folder / f"attempt-{order.attempt}")
            self._machine_loss.lost(trial_id, (run, reason), its)
            self._settle()
            return
        self._n_not_begun += 1
        self._lose(run, reason, to_blame=False)
        if self._n_not_begun >= MAX_NOT_BEGUN * self.slots:
            raise ResourceError(
                f"Ray cannot start the processes that train; has every machine the same raysearch? {reason}"
            )

    def _settle(self) -> None:
        """Tell the study of the runs that were lost, as soon as it is known whether they are to blame."""
        for (run, reason), to_blame in self._machine_loss.decided():
            self._lose(run, reason, to_blame=to_blame)

    @_kept
    def look(self) -> None:
        """End the processes of runs that are over a limit; Tune itself never hears of one that hangs."""
        self._settle()
        for trial_id, run in list(self.runs.items()):
            if (overdue := self._watch.overdue(run)) is not None:
                # Before its processes go: what Tune then tells of them is of nobody any more.
                self._let_go(trial_id)
                order = order_for(self.study, run)
                stack = end_processes(order.run_folder / f"attempt-{order.attempt}")
                end_overdue(self.study, run, replace(overdue, stack=stack))
        # Those that only wait would do so without end; for one that trains, its next epoch is waited for.
        if not any(self.study.has_begun(run) for run in self.runs.values()):
            self.resizing |= self.size.is_stale(self._workers)

    def resize(self) -> None:
        """Take back what Tune had when it ended; the runs go on with as many workers as there are places."""
        for trial_id in list(self.runs):
            run = self._let_go(trial_id)
            if run is not None and not self.stop.requested:
                reason = f"it was ended, to go on with {self.size.workers} workers"
                self.study.lose(run, reason, to_blame=False)
        self.resizing = False

    def _let_go(self, trial_id: str) -> Run | None:
        self._workers.pop(trial_id, None)
        run = self.runs.pop(trial_id, None)
        if run is not None:
            self._watch.forget(run)
        return run

    @_kept
    def lose_all(self, reason: str, *, for_memory: bool) -> None:
        """Tune has ended over one of the runs it had; ``for_memory``: Ray killed it to have memory again."""
        if self.stop.requested:
            return
        begun = [run for run in self.runs.values() if self.study.has_begun(run)]
        # Of several runs one took the memory, and Tune does not say which: none is blamed before it is alone.
        self.suspects |= {(run.trial, run.fold) for run in begun}
        for trial_id, run in list(self.runs.items()):
            self._let_go(trial_id)
            self._lose(run, reason, to_blame=len(begun) == 1, for_memory=for_memory)

    def _lose(self, run: Run, reason: str, *, to_blame: bool, for_memory: bool = False) -> None:
        # One that was alone and took its machine's memory would take it again.
        as_what: dict[str, Any] = {"failure": "oom", "most": 1} if for_memory else {}
        self.study.lose(run, reason, to_blame=to_blame, **as_what)
        if self.study.history.run(run.trial, run.fold).ended:
            self.suspects.discard((run.trial, run.fold))
