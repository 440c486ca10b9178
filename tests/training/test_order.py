"""An order comes to another process as it was sent."""

from __future__ import annotations

import json

import pytest

from raysearch.data.source import DataSource
from raysearch.training.order import Order


@pytest.mark.parametrize("path", [None, "jets.h5", ("a.h5", "b.h5")])
def test_an_order_travels_as_json(path: str | tuple[str, ...] | None) -> None:
    order = Order(
        task="jet_dnn",
        study_folder="/runs/s",
        trial=1,
        fold=0,
        attempt=2,
        settings={"layers": 2},
        seed=3,
        source=DataSource(path, (0.6, 0.2, 0.2)),
        epochs=4,
        others=("parameters",),
        cuts=(None, 0.5),
        files={"a.h5": "00"},
        inspected={"layers": 1},
        code="code/0",
    )
    again = Order.from_plain(json.loads(json.dumps(order.to_plain())))
    assert again == order
    hash(again.source)  # a key of what a process keeps of its data
