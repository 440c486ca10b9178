"""What a CUDA device makes of raysearch: a script of under ten minutes for wherever one is at hand.

    python benchmarks/gpu.py [--out gpu.json] [--only jedinet gravnet nccl shares]
    python benchmarks/gpu.py --device cpu      # a rehearsal of the script itself, at tiny sizes

- ``jedinet``: a step and an inference of JEDI-net in its paper's one-hot form and in raysearch's two in torch
  (``fast``, ``recompute``), 150 particles, in single precision without TF32, with it, and in bf16 autocast,
  after a check that all are one function;
- ``gravnet``: the same of a GravNet layer, with all distances in memory and without;
- ``nccl``: an all-reduce of 40 MB over as many workers as there are devices;
- ``shares``: a search by raysearch of two trials on one device at a time, half of it each, and one after the
  other, in single precision and in bf16 autocast.

A row is printed as soon as it is measured, and all go to a JSON file, with what failed. Milliseconds are
medians of the wall's clock, the device waited for; memory is the most that torch held on the device beside
what was there before. A part that fails is told, and the next ones are carried out; then the exit code is 1.
Without a device nothing is measured, and it is 2.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

import torch
import torch.distributed as dist
from gravnet_step import make_layer
from jedinet_step import check, make_models
from torch import Tensor, multiprocessing, nn

import raysearch
from raysearch.ledger.ledger import read_entries
from raysearch.ledger.run_records import Ended, Started
from raysearch.training.precision import computing_in

REPETITIONS, WARM = 20, 3
VECTOR = 10_000_000  # floats of 4 bytes that are reduced


@dataclass(frozen=True)
class Row:
    """One figure; a fact that is none, such as whether two runs overlapped, is told in words."""

    part: str
    what: str
    precision: str = ""
    milliseconds: float | None = None
    megabytes: float | None = None
    told: str = ""

    def line(self) -> str:
        """A line of the table."""
        cells = (
            f"{self.part:<8} {self.what:<34} {self.precision:<9}",
            "" if self.milliseconds is None else f"{self.milliseconds:10.3f} ms",
            "" if self.megabytes is None else f"{self.megabytes:9.1f} MB",
            self.told,
        )
        return " ".join(cells).rstrip()


@dataclass(frozen=True)
class Machine:
    """Where it is measured, and how large: sizes of a rehearsal say nothing of speed."""

    device: torch.device

    @property
    def is_rehearsal(self) -> bool:
        """Whether it is the script that is tested, on a CPU."""
        return self.device.type == "cpu"

    @property
    def precisions(self) -> tuple[str, ...]:
        """In which a step is measured."""
        return ("float32", "bfloat16") if self.is_rehearsal else ("float32", "tf32", "bfloat16")

    def of(self, whole: int, rehearsed: int) -> int:
        """A size."""
        return rehearsed if self.is_rehearsal else whole

    def wait(self) -> None:
        """Until the device has done what it was given."""
        if not self.is_rehearsal:
            torch.cuda.synchronize(self.device)

    def measured(self, work: Callable[[], object]) -> tuple[float, float | None]:
        """Median milliseconds of a call, and megabytes that it held at most; these only on a CUDA device."""
        before = 0
        if not self.is_rehearsal:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(self.device)
            before = torch.cuda.memory_allocated(self.device)
        took = []
        for _ in range(self.of(WARM + REPETITIONS, 2)):
            self.wait()
            began = time.perf_counter()
            work()
            self.wait()
            took.append(1000 * (time.perf_counter() - began))
        held = None if self.is_rehearsal else (torch.cuda.max_memory_allocated(self.device) - before) / 1e6
        return statistics.median(took[self.of(WARM, 1) :]), held


def steps(part: str, form: str, model: nn.Module, x: Tensor, machine: Machine) -> Iterator[Row]:
    """A training step and an inference of a model, in each precision."""
    for precision in machine.precisions:
        for allowing in (torch.backends.cuda.matmul, torch.backends.cudnn):
            allowing.allow_tf32 = precision == "tf32"
        held_in = "float32" if precision == "tf32" else precision

        def train(held_in: str = held_in) -> None:
            model.zero_grad()
            with computing_in(held_in, machine.device):
                outputs = model(x)
            outputs.backward(torch.ones_like(outputs))

        def infer(held_in: str = held_in) -> None:
            with torch.inference_mode(), computing_in(held_in, machine.device):
                model(x)

        for name, work in (("step", train), ("inference", infer)):
            milliseconds, megabytes = machine.measured(work)
            yield Row(part, f"{form}, {name}", precision, milliseconds, megabytes)


def jedinet(machine: Machine) -> Iterator[Row]:
    """JEDI-net in all forms that compute on a device."""
    particles, jets = machine.of(150, 8), machine.of(100, 20)
    models = {
        form: model.to(machine.device)
        for form, model in make_models(particles, "selu").items()
        if not form.startswith("fused")  # a kernel for CPUs
    }
    x = torch.randn(jets, particles, 16, device=machine.device)
    for allowing in (torch.backends.cuda.matmul, torch.backends.cudnn):
        allowing.allow_tf32 = False
    yield Row("jedinet", "one function", told=check(models, x, torch.randn(jets, 5, device=machine.device)))
    for form, model in models.items():
        yield from steps("jedinet", form, model, x, machine)


def gravnet(machine: Machine) -> Iterator[Row]:
    """A GravNet layer of the published size."""
    sensors, events = machine.of(2102, 64), machine.of(16, 2)
    layers = {form: make_layer(form).to(machine.device) for form in ("textbook", "torch")}
    x = torch.randn(events, sensors, 64, device=machine.device)
    with torch.no_grad():
        one, other = (layer.double()(x[:1].double()) for layer in layers.values())
    differ = float((one - other).abs().max() / one.abs().max())
    if not differ < 1e-9:
        raise ValueError(f"the forms are not one function: double precision differs by {differ:.1e}")
    yield Row("gravnet", "one function", told=f"double {differ:.0e}")
    for form, layer in layers.items():
        yield from steps("gravnet", form, layer.float(), x, machine)


def nccl(machine: Machine) -> Iterator[Row]:
    """An all-reduce over all devices; in a rehearsal over two processes by gloo."""
    workers = 2 if machine.is_rehearsal else torch.cuda.device_count()
    with tempfile.TemporaryDirectory() as folder:
        multiprocessing.spawn(reduce, (workers, folder, machine.is_rehearsal), workers)
        took = [json.loads(path.read_text()) for path in Path(folder).glob("*.json")]
    if len(took) != workers:
        raise ValueError(f"{len(took)} of {workers} workers have told their time")
    yield Row("nccl", f"all-reduce of {VECTOR // machine.of(1, 1000) * 4 / 1e6:g} MB, {workers} workers",
              "float32", max(took))  # fmt: skip


def reduce(rank: int, workers: int, folder: str, is_rehearsal: bool) -> None:
    """One worker's side of the all-reduce; checks the sum."""
    device = torch.device("cpu") if is_rehearsal else torch.device("cuda", rank)
    backend, machine = "gloo" if is_rehearsal else "nccl", Machine(device)
    if not is_rehearsal:
        torch.cuda.set_device(device)
    dist.init_process_group(backend, init_method=f"file://{folder}/meeting", rank=rank, world_size=workers)
    vector = torch.full((VECTOR // machine.of(1, 1000),), rank + 1.0, device=device)
    dist.all_reduce(vector)
    if float(vector[0]) != workers * (workers + 1) / 2:
        raise ValueError(f"the sum over {workers} workers is {float(vector[0])}")
    took, _ = machine.measured(lambda: dist.all_reduce(vector.fill_(1.0)))
    Path(folder, f"{rank}.json").write_text(json.dumps(took))
    dist.destroy_process_group()


def shares(machine: Machine) -> Iterator[Row]:
    """Two trials by raysearch on a Ray of this machine, each with half of a device, or with a whole one."""
    if machine.is_rehearsal:
        yield _searched(
            {"resources.cpus": 1, "data.limit": 600, "budget.epochs": 1}, "a processor", "float32"
        )
        return
    for precision in ("float32", "bfloat16"):
        for share in (0.5, 1):
            keys = {"resources.gpus": share, "budget.epochs": 10}
            yield _searched(keys, f"{share:g} of a device", precision)


def _searched(keys: dict[str, Any], each: str, precision: str) -> Row:
    """A search of two trials of jet-dnn, and whether they ran together."""
    with tempfile.TemporaryDirectory() as runs:
        study = raysearch.tune(
            "jet-dnn", runs=runs, trials=2, sampler="random", seed=1, show="nothing",
            **(keys | {"space.precision": precision}),
        )  # fmt: skip
        (begun, ended), (begun_2, ended_2) = _spans(study.folder)
    together = max(min(ended, ended_2) - max(begun, begun_2), 0)
    took = max(ended, ended_2) - min(begun, begun_2)
    return Row("shares", f"two trials, {each} each", precision, took, told=f"{together} ms of it together")


def _spans(folder: Path) -> list[tuple[int, int]]:
    """When each run began and ended, in milliseconds."""
    entries = read_entries(folder)
    begun = {entry.record.trial: entry.time_ms for entry in entries if isinstance(entry.record, Started)}
    ended = {entry.record.trial: entry.time_ms for entry in entries if isinstance(entry.record, Ended)}
    return [(begun[trial], ended[trial]) for trial in sorted(begun)]


PARTS: dict[str, Callable[[Machine], Iterator[Row]]] = {
    "jedinet": jedinet, "gravnet": gravnet, "nccl": nccl, "shares": shares,
}  # fmt: skip


def main() -> int:
    """Measure, print and write; see above for the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--only", nargs="+", default=list(PARTS), choices=list(PARTS))
    parser.add_argument("--out", type=Path, default=Path("gpu.json"))
    given = parser.parse_args()
    if given.device == "cuda" and not torch.cuda.is_available():
        print("gpu.py: torch finds no CUDA device here; nothing was measured (--device cpu rehearses it)")
        return 2
    machine = Machine(torch.device(given.device))
    name = "a rehearsal on a CPU" if machine.is_rehearsal else torch.cuda.get_device_name()
    count = 0 if machine.is_rehearsal else torch.cuda.device_count()
    print(f"{name}, {count} devices, torch {torch.__version__}, CUDA {torch.version.cuda}")
    rows, failures, began = [], {}, time.perf_counter()
    for part in given.only:
        try:
            for row in PARTS[part](machine):
                rows.append(row)
                print(row.line(), flush=True)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - told, in the file and by the exit code
            traceback.print_exc()
            failures[part] = f"{type(error).__name__}: {error}"
            print(f"{part:<8} failed: {failures[part]}", flush=True)
    told = {
        "device": name, "devices": count, "rehearsal": machine.is_rehearsal, "torch": torch.__version__,
        "cuda": torch.version.cuda, "seconds": time.perf_counter() - began, "failures": failures,
        "rows": [asdict(row) for row in rows],
    }  # fmt: skip
    given.out.write_text(json.dumps(told, indent=1) + "\n")
    print(f"{told['seconds']:.0f} s, written to {given.out}; {len(failures)} parts failed")
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
