"""A look at torch, in a process of its own: what is installed, and the GPUs it can use."""

from __future__ import annotations

import json
import sys
import warnings
from typing import Any

import torch


def describe() -> dict[str, Any]:
    """Version, CUDA that it was built for (None for CPUs), threads, names of GPUs, why there are none."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        gpus = (
            [torch.cuda.get_device_name(each) for each in range(torch.cuda.device_count())]
            if torch.cuda.is_available()
            else []
        )
    return {
        "version": torch.__version__,
        "cuda": torch.version.cuda,
        "threads": torch.get_num_threads(),
        "gpus": gpus,
        "reason": str(said[0].message).splitlines()[0] if said else "",
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(describe()) + "\n")
