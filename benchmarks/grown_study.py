"""Studies of thousands of trials that nothing has trained: ledgers, for what costs time as they grow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from raysearch.launch.begin import create_study
from raysearch.launch.prepare import prepare
from raysearch.launch.versions import cpu_model, versions
from raysearch.ledger.asking_records import Asked
from raysearch.ledger.record import Record
from raysearch.ledger.run_records import Committed, Ended, Epoch, Started
from raysearch.ledger.study_records import Closed, Opened
from raysearch.search.make import make_searcher
from raysearch.search.searcher import Proposal, Recalling, Searcher
from raysearch.space.domains import Space
from raysearch.space.space_file import SpaceFile, read_space_file
from raysearch.study.replay import ALL_OF_FIRST, ALL_OF_LAST, ONE_OF_OTHERS

EPOCHS, WINDOW, MORE = 10, 4, 100
SPACE = f"""
task: {Path(__file__).parent / "sleep_task.py"}:Sleep
space:
  x: {{type: float, low: 0.0, high: 1.0}}
  seconds: {{type: float, low: 0.001, high: 0.002, log: true}}
search: {{sampler: SAMPLER, trials: TRIALS, window: {WINDOW}}}
budget: {{epochs: {EPOCHS}}}
seed: 1
"""


def make(folder: Path, n_trials: int, sampler: str = "tpe") -> None:
    """Make a study of so many finished trials, and some more to do.

    The proposals that a replay computes again are the search's own; the others are drawn at random, which it
    is told, since to compute all of them would take an hour.
    """
    file = folder.parent / f"{folder.name}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(SPACE.replace("SAMPLER", f'"{sampler}"').replace("TRIALS", str(n_trials + MORE)))
    space_file = read_space_file(file)
    with create_study(prepare(space_file, folder), folder, slots=2) as ledger:
        opened = Opened(session=1, host="here", pid=1, slots=2, versions=versions(), cpu=cpu_model())
        ledger.append([opened, *_trials(space_file, n_trials), Closed(reason="stopped")])


def _trials(space_file: SpaceFile, n_trials: int) -> Iterator[Record]:
    space, rng = space_file.searched, np.random.default_rng(0)
    searcher = make_searcher(space_file.search, space, space_file.seed, WINDOW)
    n_asked = 0
    for trial in range(n_trials):
        for number in range(n_asked, min(trial + WINDOW, n_trials)):
            settings = _proposed(searcher, number, n_trials, space, rng)
            yield Asked(trial=number, settings=settings, n_committed_when_asked=trial)
        n_asked = min(trial + WINDOW, n_trials)
        loss = 0.01 + rng.random()
        searcher.tell(trial, [loss])
        yield from run_records(trial, loss)


def _proposed(
    searcher: Searcher, number: int, n_trials: int, space: Space, rng: np.random.Generator
) -> Proposal:
    is_computed = number < ALL_OF_FIRST or number >= n_trials - ALL_OF_LAST or number % ONE_OF_OTHERS == 0
    if is_computed or not isinstance(searcher, Recalling):
        return searcher.ask(number)
    settings = space.sample(rng)
    searcher.recall(number, settings)
    return settings


def run_records(trial: int, loss: float) -> Iterator[Record]:
    """A trial's one run from its start to its commit."""
    yield Started(trial=trial, fold=0, attempt=1)
    for epoch in range(1, EPOCHS + 1):
        metrics = {"val_loss": loss + 1 / epoch, "train_loss": loss, "val_accuracy": 0.5}
        yield Epoch(trial=trial, fold=0, attempt=1, epoch=epoch, seconds=1.0, metrics=metrics, timings={})
    yield Ended(
        trial=trial,
        fold=0,
        attempt=1,
        state="finished",
        value=loss,
        metrics={"val_loss": loss},
        best_epoch=EPOCHS,
        epochs=EPOCHS,
        weights="",
        weights_sha256="",
        seconds=10.0,
    )
    yield Committed(trial=trial, state="finished", value=loss, folds=1, others={})
