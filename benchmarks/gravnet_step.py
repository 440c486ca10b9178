"""How much faster a GravNet layer and its network train here than with a matrix of distances and topk.

    python benchmarks/gravnet_step.py [--rounds 5] [--events 4] [--sensors 2102]

One process, one thread, single precision. A layer is that of the network (arXiv:1902.07987: S = 4, F_LR = 22,
k = 40) on sensors that all differ; a step is forward and backward. Ratios are textbook time / raysearch time
of one batch in one round, CPU time, in turns: median, lowest and highest. All forms get the same weights,
batches and memory allocator (one that keeps memory, as in ``jedinet_step.py``), after a check that they are
one function.
The network takes events that ship with raysearch; its textbook computes all sensors.

Memory is the peak of resident memory over one training step of the layer at 16 events, less what was resident
before, each form in a process of its own with an allocator that returns large blocks.
"""

from __future__ import annotations

import argparse
import copy
import gc
import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": "4294967296", "MALLOC_TRIM_THRESHOLD_": "8589934592"}
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
CHILD = "GRAVNET_STEP_CHILD"

if __name__ == "__main__" and CHILD not in os.environ:
    os.execve(
        sys.executable, [sys.executable, *sys.argv], os.environ | ONE_THREAD | KEEP_MEMORY | {CHILD: "1"}
    )

import numpy as np
import torch
from jedinet_memory import RETURN_MEMORY, resident_kib
from scipy.spatial import cKDTree
from textbook_gravnet import squared_distances, textbook_sums
from torch import Tensor, nn

from raysearch.data.hits.arrays import load_hits
from raysearch.metrics.clustering.loss import event_losses
from raysearch.models.gravnet_fused import fused_kernel
from raysearch.models.hits_gravnet import GravNet, GravNetLayer, GravNetShape
from raysearch.models.nearest_sensors import nearest

SHAPE = GravNetShape()
FORMS = ("textbook", "torch", "fused")
Work = Callable[[], object]


class TextbookLayer(GravNetLayer):
    """The layer with all distances in memory; the pair of own and gathered features is made."""

    def forward(self, x_BNF: Tensor) -> Tensor:
        """Gather from the nearest in the learned space."""
        gathered = textbook_sums(self.space(x_BNF), self.propagated(x_BNF), self.others, self.steepness)
        return torch.tanh(self.out(torch.cat([x_BNF, gathered], dim=2)))


def make_layer(form: str) -> GravNetLayer:
    torch.manual_seed(0)
    kind, kernel = (TextbookLayer, "torch") if form == "textbook" else (GravNetLayer, form)
    return kind(SHAPE.hidden, SHAPE, kernel)


def make_network(form: str) -> GravNet:
    torch.manual_seed(0)
    network = GravNet(SHAPE, "torch" if form == "textbook" else form.removesuffix(", all sensors"))
    if form == "textbook":
        for block in network.blocks:
            twin = TextbookLayer(SHAPE.hidden, SHAPE, "torch")
            twin.load_state_dict(block.layer.state_dict())
            block.layer = twin
    if form == "textbook" or form.endswith("all sensors"):
        network.stand_ins = None
    return network


def step_of(model: nn.Module, x: Tensor, cotangent: Tensor) -> Work:
    def step() -> None:
        model.zero_grad()
        model(x).backward(cotangent)

    return step


def network_step(network: GravNet, energy: Tensor, sensors: Tensor, true: Tensor) -> Work:
    def step() -> None:
        network.zero_grad()
        event_losses(energy, true, network(energy, sensors)).mean().backward()

    return step


def check(layers: Mapping[str, GravNetLayer], x: Tensor) -> str:
    """Stop unless all forms are one function in double precision, gradients included."""
    found = {}
    for name, layer in layers.items():
        exact, given = copy.deepcopy(layer).double(), x[:1].double().requires_grad_()
        outputs = exact(given)
        outputs.backward(torch.ones_like(outputs))
        found[name] = [outputs.detach(), given.grad, *(each.grad for each in exact.parameters())]
    # Of all that there is: places do not change distances, so that the gradient of their bias is 0.
    scale = max(float(each.abs().max()) for each in found["textbook"])
    worst = max(
        float((one - other).abs().max()) / scale
        for name in FORMS[1:]
        for one, other in zip(found["textbook"], found[name], strict=True)
    )
    if worst > 1e-9:
        sys.exit(f"the forms are not one function: double precision differs by {worst:.1e}")
    return f"double precision agrees to {worst:.0e}, gradients included"


def measure(works: Mapping[str, Work], rounds: int) -> dict[str, np.ndarray]:
    """Take turns; CPU seconds of each round, after one to warm up."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for number in range(-1, rounds):
        for name, work in works.items():
            begun = time.process_time()
            work()
            taken = time.process_time() - begun
            times[name] += [taken] if number >= 0 else []
    return {name: np.array(values) for name, values in times.items()}


def print_rows(title: str, times: Mapping[str, np.ndarray]) -> None:
    first = next(iter(times.values()))
    print(title)
    for name, own in times.items():
        ratio = first / own
        print(
            f"    {name:<34} {1e3 * own.min():9.1f} ms {first.min() / own.min():6.1f}"
            f" {np.median(ratio):8.1f} [{ratio.min():5.1f}, {ratio.max():5.1f}]",
            flush=True,
        )


def neighbour_works(space: Tensor) -> dict[str, Work]:
    k, kernel = SHAPE.neighbours, fused_kernel(space.shape[2], SHAPE.propagated, space.dtype)
    assert kernel is not None
    works: dict[str, Work] = {
        "matrix, topk": lambda: squared_distances(space).topk(k + 1, dim=2, largest=False),
        "torch.cdist, topk": lambda: torch.cdist(space, space).topk(k + 1, dim=2, largest=False),
        "scipy cKDTree": lambda: [cKDTree(event).query(event, k + 1) for event in space.numpy()],
    }
    if importlib.util.find_spec("faiss"):
        works["faiss"] = lambda: [_faiss(event, k + 1) for event in space.numpy()]
    return works | {
        "raysearch, torch and NumPy": lambda: nearest(space, k),
        "raysearch, C++": lambda: kernel.nearest(space, k),
    }


def _faiss(event: np.ndarray, k: int) -> object:
    import faiss  # noqa: PLC0415 - where it is installed

    faiss.omp_set_num_threads(1)
    index = faiss.IndexFlatL2(event.shape[1])
    index.add(event)
    return index.search(event, k)


def peak_kib(form: str, events: int, sensors: int) -> int:
    """KiB that one training step of a layer adds, in this process."""
    layer = make_layer(form)
    x = torch.randn(events, sensors, SHAPE.hidden)
    step_of(layer, x[:1, :300], torch.randn(1, 300, SHAPE.outputs))()
    layer.zero_grad()
    cotangent = torch.randn(events, sensors, SHAPE.outputs)
    gc.collect()
    before = resident_kib("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    layer(x).backward(cotangent)
    return resident_kib("VmHWM") - before


def print_memory(sensors: int) -> None:
    print("memory of the layer's training step, 16 events")
    mib = {}
    for form in FORMS:
        environment = {name: each for name, each in os.environ.items() if not name.startswith("MALLOC_")}
        out = subprocess.run(
            [sys.executable, __file__, "--peak", form, "--sensors", str(sensors)],
            env=environment | RETURN_MEMORY, check=True, capture_output=True, text=True,
        )  # fmt: skip
        mib[form] = int(out.stdout) / 1024
        print(f"    {form:<34} {mib[form]:9.1f} MiB   1/{mib['textbook'] / mib[form]:.1f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Time GravNet against its textbook form.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--events", type=int, default=4, help="of a batch")
    parser.add_argument("--sensors", type=int, default=2102)
    parser.add_argument(
        "--peak", choices=FORMS, help="measure this form's memory in this process, and print KiB"
    )
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.peak:
        print(peak_kib(given.peak, 16, given.sensors))
        return
    sizes = f"{given.events} events of {given.sensors} sensors, k {SHAPE.neighbours}"
    print(f"torch {torch.__version__}, 1 thread, {sizes}")
    print(f"{'':<38} {'best':>9} {'':>9} {'ratio of CPU time':>17}")
    torch.manual_seed(0)
    layers = {form: make_layer(form) for form in FORMS}
    x = torch.tanh(torch.randn(given.events, given.sensors, SHAPE.hidden))
    cotangent = torch.randn(given.events, given.sensors, SHAPE.outputs)
    agreement = check(layers, x)
    print_rows(
        "layer, training step",
        measure({n: step_of(each, x, cotangent) for n, each in layers.items()}, given.rounds),
    )
    print(f"    {agreement}")
    with torch.no_grad():
        space = layers["fused"].space(x)
    print_rows("neighbours alone", measure(neighbour_works(space), given.rounds))
    hits = load_hits()
    energy, true = (torch.from_numpy(each[: given.events].copy()) for each in (hits.energy, hits.fractions))
    sensors = torch.from_numpy(hits.sensors.copy()).expand(given.events, -1, -1)
    networks = {
        form: make_network(form)
        for form in ("textbook", "torch, all sensors", "fused, all sensors", "torch", "fused")
    }
    works = {name: network_step(each, energy, sensors, true) for name, each in networks.items()}
    print_rows(
        f"network, training step ({(energy > 0).double().mean():.1%} of the sensors with energy)",
        measure(works, given.rounds),
    )
    print_memory(given.sensors)


if __name__ == "__main__":
    main()
