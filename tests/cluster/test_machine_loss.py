"""A run that was lost: its machine is gone, or it is to blame; however late Ray notices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from toy import ledger_of, opened, toy_space_file

from raysearch.cluster.bridge import Bridge
from raysearch.cluster.group_size import GroupSize
from raysearch.cluster.machine_loss import MachineLoss
from raysearch.launch.orders import order_for
from raysearch.launch.stop_flag import StopFlag
from raysearch.ledger.run_records import Lost
from raysearch.study.study import Study


class Cluster:
    """Machines as Ray lists them, whether they answer, and a clock that is moved by hand."""

    def __init__(self, *names: str) -> None:
        self.alive, self.silent, self.now_s = dict.fromkeys(names, True), set[str](), 0.0
        self.loss = MachineLoss(self.nodes, self.reached, lambda: self.now_s)

    def nodes(self) -> list[dict[str, Any]]:
        return [
            {"NodeID": name, "Alive": alive, "NodeManagerAddress": name, "NodeManagerPort": 1}
            for name, alive in self.alive.items()
        ]

    def reached(self, address: str) -> bool:
        return address.removesuffix(":1") not in self.silent

    def after(self, seconds: float) -> list[tuple[Any, bool]]:
        self.now_s += seconds
        return self.loss.decided()


@pytest.fixture
def cluster() -> Cluster:
    cluster = Cluster("head", "near", "far")
    cluster.loss.began("a")
    return cluster


@pytest.mark.parametrize("late_s", [4.0, 30.0, 300.0])
def test_a_machine_that_ray_finds_gone_late_is_not_the_run_s_fault(cluster: Cluster, late_s: float) -> None:
    cluster.silent = {"far"}
    cluster.loss.lost("a", "the run", {"far"})
    assert cluster.after(0.0) == []
    assert cluster.after(late_s) == [], "nobody knows yet"
    cluster.alive["far"] = False
    assert cluster.after(2.0) == [("the run", False)]
    assert cluster.after(2.0) == [], "it was told"


def test_a_process_that_ends_on_a_machine_that_answers_is_to_blame(cluster: Cluster) -> None:
    cluster.silent = {"near"}  # none of its machines
    cluster.loss.lost("a", "the run", {"far"})
    assert cluster.after(1.0) == [], "its machine may be going down, and answer for a moment more"
    assert cluster.after(3.0) == [("the run", True)]


def test_of_a_run_on_unknown_machines_all_are_asked(cluster: Cluster) -> None:
    cluster.silent = {"near"}
    cluster.loss.lost("a", "the run", ())
    assert cluster.after(60.0) == []
    cluster.silent = set()
    assert cluster.after(2.0) == [("the run", True)]


def test_a_machine_that_was_lost_before_the_run_began_is_no_excuse(cluster: Cluster) -> None:
    cluster.alive["near"] = False
    cluster.loss.began("b")
    cluster.loss.lost("a", "the run before", {"far"})
    cluster.loss.lost("b", "the run after", {"far"})
    assert cluster.after(0.0) == [("the run before", False)]
    assert cluster.after(5.0) == [("the run after", True)]


def test_one_machine_alone_is_there_and_one_that_ray_never_finds_gone_counts_as_there() -> None:
    alone = Cluster("head")
    alone.loss.lost("a", "the run", {"head"})
    assert alone.after(0.0) == [("the run", True)]
    two = Cluster("head", "far")
    two.silent = {"far"}
    two.loss.lost("a", "the run", {"far"})
    assert two.after(500.0) == []
    assert two.after(500.0) == [("the run", True)]


@pytest.mark.parametrize("idle", [False, True], ids=["while others run", "when Tune only asks for runs"])
def test_a_study_goes_on_while_nobody_knows_and_tries_the_run_again_then(tmp_path: Path, idle: bool) -> None:
    there, space_file = Cluster("head", "far"), toy_space_file()
    with ledger_of(tmp_path / "s", space_file) as ledger:
        study = Study(ledger, lambda *_: None)
        study.begin(opened())
        size = GroupSize(space_file.resources, lambda: [{"CPU": 2.0}], lambda: there.now_s)
        bridge = Bridge(study, StopFlag(), size, there.loss)
        for trial_id in ("a", "b"):
            assert bridge.hand_out(trial_id) is not None
            bridge.started(trial_id)
        order = order_for(study, bridge.runs["a"])
        process = order.run_folder / "attempt-1" / "far-12.process"  # what a killed process leaves
        process.parent.mkdir(parents=True)
        process.touch()
        there.silent = {"far"}
        bridge.lose("a", "its process is gone")

        def look() -> str:
            there.now_s += 60.0
            if not idle:
                bridge.look()
            return str([bridge.hand_out(f"at {there.now_s} {each}") for each in range(2)])

        assert '"trial": 0' not in look()
        report = '{"epoch": 1, "seconds": 1.0, "metrics": {"val_loss": 1.0}}'
        bridge.result("b", {"event": "epoch", "report": report})
        assert study.history.run(1, 0).epochs, "the other run is heard"
        assert not [entry for entry in ledger.entries if isinstance(entry.record, Lost)]
        there.alive["far"] = False
        there.silent = set()
        assert '"trial": 0, "fold": 0, "attempt": 2' in look()
        (lost,) = [entry.record for entry in ledger.entries if isinstance(entry.record, Lost)]
        assert (lost.trial, lost.to_blame) == (0, False)
        assert bridge.failure is None
