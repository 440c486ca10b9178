"""The clock that people read orders nothing: a study is the same whatever it shows."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from toy import create_ledger, finished, in_random_order, opened

from raysearch.ledger.history import History
from raysearch.ledger.ledger import Ledger, read_entries
from raysearch.study.run import Run
from raysearch.study.study import Study

HOUR, YEAR = 3600.0, 365.25 * 86400
CLOCKS: dict[str, Callable[[int], float]] = {
    "an hour back in the middle": lambda n: 1e9 + n - HOUR * (n > 40),
    "ten years on in the middle": lambda n: 1e9 + n + 10 * YEAR * (n > 40),
    "ten years back in the middle": lambda n: 1e9 + n - 10 * YEAR * (n > 40),
    "to and fro by an hour, as in autumn": lambda n: 1e9 + n + HOUR * (n % 2),
    "standing still": lambda n: 1e9,
    "backwards": lambda n: 1e9 - n,
}


def history_by(folder: Path, clock: Callable[[int], float]) -> History:
    """Carry a study out in two sessions whose records have the times of a clock."""
    create_ledger(folder).close()
    ticks, rng, is_over, session = itertools.count(), random.Random(1), False, 1
    while not is_over:
        study = Study(Ledger(folder, clock=lambda: clock(next(ticks))), lambda *_: None)
        study.begin(opened(session))

        def train(run: Run, study: Study = study) -> None:
            study.report(run, 1, 0.1, {"val_loss": 1.0})
            study.end(finished(run, abs(math.log10(run.settings["learning_rate"] / 0.03))))

        is_over = in_random_order(study, rng, train, 3, 30 if session == 1 else None)
        session += 1
    return History(read_entries(folder))


@pytest.mark.parametrize("name", CLOCKS)
def test_a_clock_that_is_changed_changes_nothing(tmp_path: Path, name: str) -> None:
    straight = history_by(tmp_path / "straight", lambda n: 1e9 + n)
    found = history_by(tmp_path / "s", CLOCKS[name])
    assert found.hash == straight.hash
    assert found.best is not None
    assert straight.best is not None
    assert found.best.number == straight.best.number
    assert found.busy_ms >= 0
