"""GPUs: what torch cannot use is told before the first run; shares are counted as Ray gives them out."""

from __future__ import annotations

import resource
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch
from test_clusters import raysearch  # how a user calls it
from test_storage import Nodes
from toy import surroundings

from raysearch.cluster.gpus import judge, limited
from raysearch.cluster.places import WorkerResources, group_slots
from raysearch.cluster.worker_group import backend_for
from raysearch.errors import InputError
from raysearch.space.space_file import read_space_file

SEEN = {"cuda": "13.0", "gpus": ["H200", "H200"], "reason": ""}
NAMES = {"a": "one (10.0.0.1)", "b": "two (10.0.0.2)"}


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (SEEN, None),
        (SEEN | {"gpus": ["H200"] * 3}, None),
        (
            SEEN | {"cuda": None, "gpus": []},
            "torch there was built without CUDA; install torch with CUDA",
        ),
        (SEEN | {"gpus": []}, "torch there sees none; compare with nvidia-smi there"),
        (SEEN | {"gpus": ["H200"]}, "torch there sees 1; compare with nvidia-smi there"),
        (SEEN | {"gpus": [], "reason": "driver too old"}, "torch there sees none: driver too old"),
        ("no answer within 60 s", "torch there cannot be asked: no answer within 60 s"),
    ],
)
def test_a_node_is_at_fault_if_torch_sees_less_than_ray_offers(answer: object, told: str | None) -> None:
    """Torch's answers are given here: this machine need not have a GPU."""
    faults = judge(NAMES, {"a": 2.0, "b": 2.0}, {"a": SEEN, "b": answer})
    assert faults == ([] if told is None else [f"Ray offers 2 GPU on two (10.0.0.2), {told}"])


@pytest.mark.parametrize(
    ("workers", "gpus", "machines", "slots"),
    [
        (1, 0.5, [1], 2),
        (2, 0.25, [1], 2),
        (1, 0.1, [1], 10),
        (1, 0.3, [1], 3),
        (1, 0.6, [2], 2),  # a run's share is of one GPU
        (2, 0.6, [2], 1),
        (2, 0.6, [1, 1], 1),
        (2, 0.5, [1, 0, 2], 3),
        (1, 1, [0], 0),
    ],
)
def test_slots_are_shares_of_single_gpus(workers: int, gpus: float, machines: list[int], slots: int) -> None:
    there = [{"CPU": 16.0, **({"GPU": float(n)} if n else {})} for n in machines]
    assert group_slots(workers, WorkerResources(cpus=1, gpus=gpus), there) == slots


PLACES = """
import ray
from ray.util import placement_group
from raysearch.cluster.places import WorkerResources, group_slots
from raysearch.cluster.resources import group_trial_resources, machines

ray.init(address="local", num_cpus=8, num_gpus=2, include_dashboard=False, object_store_memory=100_000_000)
for workers, gpus in [(1, 0.5), (2, 0.25), (1, 0.6), (2, 0.6), (1, 0.3), (1, 1)]:
    each = WorkerResources(0.5, gpus)
    slots = group_slots(workers, each, machines())
    groups = [placement_group([each.bundle()] * workers, strategy="PACK") for _ in range(slots)]
    fit = all(group.wait(20) for group in groups)
    one_more = placement_group([each.bundle()] * workers, strategy="PACK")
    print(workers, gpus, slots, fit, one_more.wait(1), flush=True)
    for group in [*groups, one_more]:
        ray.util.remove_placement_group(group)
    while ray.available_resources().get("GPU", 0) < 2:
        pass
"""


@pytest.mark.ray_cluster
def test_ray_gives_out_as_many_shares_as_we_count(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PLACES],
        capture_output=True,
        text=True,
        check=False,
        env=surroundings(tmp_path),
    )
    assert done.stdout.splitlines() == [
        "1 0.5 4 True False",
        "2 0.25 4 True False",
        "1 0.6 2 True False",
        "2 0.6 1 True False",
        "1 0.3 6 True False",
        "1 1 2 True False",
    ], done.stderr


def refused(folder: Path, tune: list[str], *changes: str, **token: str) -> list[str]:
    """What is told of resources that are not there, after at most 15 s of computing of its own."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    changed = [word for change in changes for word in ("--set", f"resources.{change}")]
    printed = raysearch(folder, "tune", "toy.yaml", "--name", "s", *tune, *changed, **token)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 15
    assert printed.startswith("69\n"), printed
    assert not (folder / "runs/s").exists()
    return [line[11:] for line in printed.splitlines() if line.startswith("raysearch: ")]


@pytest.mark.ray_cluster
@pytest.mark.skipif(torch.version.cuda is not None, reason="needs a torch without CUDA")
def test_69_for_whatever_a_cluster_lacks(toy_space: Path) -> None:
    nodes = Nodes()
    try:
        for _ in range(2):
            nodes.start([], f"--address=127.0.0.1:{nodes.port}", "--num-cpus=1", "--num-gpus=1")
        tune = ["--address", f"127.0.0.1:{nodes.port}"]
        first, *lines = refused(toy_space.parent, tune, "gpus=0.5", **nodes.token)
        assert first == "runs would fail on GPUs that torch cannot use; set resources.gpus to 0, or:"
        assert len(lines) == 2
        assert all("torch there was built without CUDA; install torch with CUDA" in line for line in lines)
        (told,) = refused(toy_space.parent, tune, "gpus=1", "workers=3", **nodes.token)
        assert told.startswith(
            "a run needs 3 GPU (3 workers x 1), there are 2; change resources.gpus, or wait"
        )
        (told,) = refused(toy_space.parent, tune, "cpus=2", **nodes.token)
        assert told.startswith(
            "the cluster's machines, each for itself, cannot hold 1 workers of 2 CPU and 0 GPU"
        )
        assert told.endswith("or wait for the machines that have them: raysearch cluster wait")
    finally:
        nodes.end()


@pytest.mark.ray_cluster
@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_69_for_a_gpu_on_a_machine_without(toy_space: Path) -> None:
    (told,) = refused(toy_space.parent, [], "gpus=0.5")
    assert told.startswith("a run needs 0.5 GPU, there are 0; change")


def test_a_worker_computes_on_one_gpu(toy_space: Path) -> None:
    with pytest.raises(InputError, match=r"resources.gpus: a worker computes on one GPU; for several raise"):
        read_space_file(toy_space, ["resources.gpus=2"])
    assert read_space_file(toy_space, ["resources.gpus=0.25"]).resources.gpus == 0.25


def test_nccl_connects_whole_gpus_only() -> None:
    found = [backend_for(WorkerResources(gpus=gpus)) for gpus in (0, 0.5, 1)]
    assert found == ["gloo", "gloo", "nccl"]


@pytest.mark.gpu
def test_a_run_takes_no_more_than_its_share_of_a_gpu() -> None:
    """In a process of its own, as the limit stays with it."""
    program = """
        import torch
        from raysearch.cluster.gpus import limited
        device = limited(torch.device("cuda", 0), 0.25)
        total = torch.cuda.get_device_properties(device).total_memory
        torch.empty(int(0.1 * total), dtype=torch.uint8, device=device)
        try:
            torch.empty(int(0.3 * total), dtype=torch.uint8, device=device)
        except torch.cuda.OutOfMemoryError:
            print("refused")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=False
    )
    assert done.stdout == "refused\n", done.stderr


def test_a_cpu_has_no_share() -> None:
    assert limited(torch.device("cpu"), 0.0) == torch.device("cpu")
