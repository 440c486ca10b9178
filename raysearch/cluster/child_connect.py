"""A look at a Ray cluster, in a process of its own: it connects with this machine's token and leaves.

Usage: python -m raysearch.cluster.child_connect ADDRESS
"""

from __future__ import annotations

import json
import sys
from typing import Any

import ray

from raysearch.cluster.nodes import alive_nodes, connected
from raysearch.errors import RaysearchError

WAIT_S = 5.0


def describe(address: str) -> dict[str, Any]:
    """Names of the nodes and their resources together, or why there is no answer."""
    try:
        with connected(address, WAIT_S):
            return {"nodes": sorted(alive_nodes().values()), "resources": ray.cluster_resources()}
    except RaysearchError as error:
        return {"problem": " ".join(str(error).split())}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(describe(sys.argv[1])) + "\n")
