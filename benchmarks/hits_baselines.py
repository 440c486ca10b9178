"""What needs no learning, on the events on which the networks of docs/clustering.md are tested.

    python benchmarks/hits_baselines.py

Half of each sensor's energy to each shower; each sensor to the nearest shower axis, the axes known from the
truth; k-means on positions weighted by energy. Events are those of the sample that a study with
``data.split`` of 0.90, 0.02, 0.08 has in its test part.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1])]

import torch

from raysearch.data.source import DataSource
from raysearch.metrics.clustering.baselines import k_means, nearest_axis
from raysearch.metrics.clustering.figures import Shared, figures
from raysearch.tasks import load_task
from raysearch.tasks.settings import make_settings

SPLIT = (0.90, 0.02, 0.08)
COLUMNS = ("loss", "response_mean", "response_variance", "accuracy")


def main() -> None:
    task = load_task("hits_gravnet")
    energy, sensors, true = task.load(
        DataSource(path=None, split=SPLIT), make_settings(task, {})
    ).test.tensors
    given = energy.numpy(), true.numpy(), sensors[0].numpy()
    found = {
        "half to each": 0 * given[1] + 0.5,
        "nearest axis, axes known from the truth": nearest_axis(*given),
        "k-means": k_means(given[0], given[2]),
    }
    names = [of + name for of in ("", "overlap_") for name in COLUMNS]
    print(f"{len(energy)} events\n\n| | " + " | ".join(names) + " |")
    print("|---|" + "---:|" * len(names))
    for name, shares in found.items():
        told = figures(Shared(energy, true, torch.from_numpy(shares)))
        print(f"| {name} | " + " | ".join(f"{told[each]:.3f}" for each in names) + " |")


if __name__ == "__main__":
    main()
