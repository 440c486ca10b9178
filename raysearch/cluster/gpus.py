"""GPUs that Ray promises: whether torch can use them, and a run's share of one.

Ray counts GPUs by the driver, or as it was told when it was started; what torch can do with them it does not
know.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ray
import torch

from raysearch.cluster.child import ask_child
from raysearch.cluster.nodes import alive_nodes, ask_nodes
from raysearch.errors import ResourceError

LIMIT_S = 60.0  # for all nodes to answer; one takes seconds, in which it imports torch


def check_gpus(limit_s: float = LIMIT_S) -> None:
    """Have torch look for the GPUs on every node that offers some, whether or not they are in use.

    Args:
        limit_s: how long all nodes may take to answer.

    Raises:
        ResourceError: torch finds less than Ray offers; all such nodes are named.
    """
    names = alive_nodes()
    offered = {
        node["NodeID"]: node["Resources"]["GPU"]
        for node in ray.nodes()
        if node["NodeID"] in names and node["Resources"].get("GPU")
    }
    if faults := judge(names, offered, ask_nodes(_look, offered, limit_s)):
        raise ResourceError(
            "\n".join(
                ["runs would fail on GPUs that torch cannot use; set resources.gpus to 0, or:", *faults]
            )
        )


def judge(names: Mapping[str, str], offered: Mapping[str, float], found: Mapping[str, Any]) -> list[str]:
    """Name the nodes on which torch cannot use what Ray offers.

    Args:
        names: of the nodes, by id.
        offered: GPUs by node.
        found: by node, what ``child_torch.describe`` tells, or why it tells nothing.

    Returns:
        A line for each node at fault.
    """
    faults = []
    for node, n_offered in offered.items():
        answer, offer = found[node], f"Ray offers {n_offered:g} GPU on {names[node]}, torch there"
        if isinstance(answer, str):
            faults.append(f"{offer} cannot be asked: {answer}")
        elif not answer["cuda"]:
            faults.append(f"{offer} was built without CUDA; install torch with CUDA")
        elif len(answer["gpus"]) < n_offered:
            reason = f": {answer['reason']}" if answer["reason"] else "; compare with nvidia-smi there"
            faults.append(f"{offer} sees {len(answer['gpus']) or 'none'}{reason}")
    return faults


def _look(_: str) -> Any:  # noqa: ANN401 - plain values
    """What torch finds on this node; in a process of its own: after a look none can choose its GPU."""
    try:
        return ask_child("child_torch")
    except ResourceError as error:
        return str(error)


def own_device(share: float) -> torch.device:
    """The device of this process, to which Ray gave a share of a GPU, or none."""
    if not ray.get_gpu_ids():
        return torch.device("cpu")
    return limited(torch.device("cuda", 0), share)


def limited(device: torch.device, share: float) -> torch.device:
    """Keep this process to its share of a GPU's memory: what it takes too much fails it and no neighbour."""
    if device.type == "cuda":
        torch.cuda.set_per_process_memory_fraction(share, device)
    return device
