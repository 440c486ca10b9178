"""How many workers runs get, by what machines are there; and when those with another number are ended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from toy import ledger_of, opened, toy_space_file

from raysearch.cluster.bridge import Bridge
from raysearch.cluster.group_size import GroupSize
from raysearch.cluster.machine_loss import MachineLoss
from raysearch.launch.stop_flag import StopFlag
from raysearch.ledger.history import History
from raysearch.ledger.run_records import Lost, Started
from raysearch.library.event_lines import event_line
from raysearch.space.sections import ResourcesSection
from raysearch.study.study import Study


class Machines:
    """Machines that come and go, and a clock that always lets them be looked at."""

    def __init__(self, *cpus: int) -> None:
        self.cpus, self._now = list(cpus), 0.0

    def __call__(self) -> list[dict[str, float]]:
        return [{"CPU": each} for each in self.cpus]

    def nodes(self) -> list[dict[str, Any]]:
        """As Ray lists them; of three that have ever been there."""
        return [{"NodeID": str(number), "Alive": number < len(self.cpus)} for number in range(3)]

    def clock(self) -> float:
        self._now += 10.0
        return self._now


@pytest.mark.parametrize(
    ("cpus", "workers", "slots"),
    [((4, 4), 4, 2), ((4, 3), 4, 1), ((3,), 3, 1), ((1, 1), 2, 1), ((1,), 2, 1), ((), 2, 1)],
)
def test_all_workers_where_they_fit_else_as_many_as_fit(
    cpus: tuple[int, ...], workers: int, slots: int
) -> None:
    there = Machines(*cpus)
    size = GroupSize(ResourcesSection(workers=4, min_workers=2), there, there.clock)
    assert (size.workers, size.slots) == (workers, slots)


def test_without_a_least_number_it_never_changes() -> None:
    there = Machines(1)
    size = GroupSize(ResourcesSection(workers=4), there, there.clock)
    assert (size.workers, size.slots, size.may_change) == (4, 0, False)
    assert not size.is_stale({"a": 2})


@pytest.fixture
def there() -> Machines:
    return Machines(2, 1)


@pytest.fixture
def bridge(tmp_path: Path, there: Machines) -> Iterator[Bridge]:
    space_file = toy_space_file().model_copy(update={"resources": ResourcesSection(workers=3, min_workers=1)})
    with ledger_of(tmp_path / "s", space_file) as ledger:
        told.clear()
        study = Study(ledger, lambda entry, history: told.append(event_line(entry, history)))
        study.begin(opened())
        yield Bridge(
            study,
            StopFlag(),
            GroupSize(space_file.resources, there, there.clock),
            MachineLoss(there.nodes, clock=there.clock),
        )


told: list[str] = []
EPOCH = """{"epoch": %d, "seconds": 1.0, "metrics": {"val_loss": 1.0}}"""


def epoch(bridge: Bridge, trial_id: str, number: int) -> None:
    bridge.result(trial_id, {"event": "epoch", "report": EPOCH % number})


def workers_of(history: History, bridge: Bridge) -> list[int | None]:
    return [
        entry.record.workers for entry in bridge.study.ledger.entries if isinstance(entry.record, Started)
    ]


def test_a_lost_run_goes_on_with_fewer_and_with_all_when_the_machine_is_back(
    bridge: Bridge, there: Machines
) -> None:
    order = bridge.hand_out("a")
    assert order is not None
    assert '"workers": 3' in order["order"]
    bridge.started("a")
    epoch(bridge, "a", 1)
    there.cpus = [2]
    epoch(bridge, "a", 2)
    assert bridge.resizing, "runs of three that wait would wait for ever"
    bridge.resizing = False  # as if Tune had told of the loss first
    bridge.lose("a", "its machine is gone")
    assert not bridge.resizing
    order = bridge.hand_out("b")
    assert order is not None
    assert '"workers": 2' in order["order"]
    bridge.started("b")
    assert not bridge.is_over
    there.cpus = [2, 1]
    bridge.look()
    assert not bridge.resizing, "in mid-epoch"
    epoch(bridge, "b", 3)
    assert bridge.resizing
    assert bridge.is_over, "Tune is given nothing more"
    bridge.resize()
    assert not bridge.is_over
    order = bridge.hand_out("d")
    assert order is not None
    assert '"workers": 3' in order["order"]
    bridge.started("d")
    assert workers_of(bridge.study.history, bridge) == [3, 2, 3]
    losses = [entry.record for entry in bridge.study.ledger.entries if isinstance(entry.record, Lost)]
    assert [each.to_blame for each in losses] == [False, False]
    assert losses[-1].reason == "it was ended, to go on with 3 workers"
    assert any("trial 0 started, attempt 2, with 2 of 3 workers" in line for line in told)


def test_one_waits_where_there_is_no_place_and_goes_on_when_there_is(bridge: Bridge, there: Machines) -> None:
    there.cpus = []
    assert bridge.hand_out("a") is not None
    bridge.look()
    assert not bridge.is_over, "Tune keeps it until a machine comes"
    there.cpus = [2]
    bridge.look()
    assert bridge.resizing
    bridge.resize()
    order = bridge.hand_out("b")
    assert order is not None
    assert '"workers": 2' in order["order"]


def test_one_that_waits_for_workers_that_are_gone_is_taken_back_at_once(
    bridge: Bridge, there: Machines
) -> None:
    assert bridge.hand_out("a") is not None
    there.cpus = [1]
    bridge.look()
    assert bridge.resizing
    bridge.resize()
    assert bridge.slots == 1
    order = bridge.hand_out("b")
    assert order is not None
    assert '"workers": 1' in order["order"]
    assert not any(isinstance(entry.record, Lost) for entry in bridge.study.ledger.entries), "it never began"
