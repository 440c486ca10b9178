"""The first screen of a report: what came out, what it is worth, and with which settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from raysearch.ledger.endings import alike_line, count_states
from raysearch.ledger.history import History
from raysearch.ledger.over_folds import common_names
from raysearch.ledger.trial_history import TrialHistory
from raysearch.report.blocks import (
    PM,
    Block,
    Heading,
    Mono,
    Table,
    Text,
    Tiles,
    count,
    duration,
    listing,
    number,
    text,
    warning,
    with_error,
)
from raysearch.report.curves import fold_spread
from raysearch.report.settings_figures import describe_domain
from raysearch.report.shown.described import units
from raysearch.report.shown.part import Tile
from raysearch.report.states import fact, objective_names, reached, test_evaluations
from raysearch.report.test_result import TestResult


def verdict(history: History, result: TestResult) -> list[Block]:
    """Make the first screen."""
    blocks: list[Block] = [*_summary(history, result)]
    blocks += [*simulated([history]), *_demonstration(history)]
    blocks.append(_tiles(history, result))
    if history.best:
        blocks += [Heading("Best settings"), _settings_table(history, history.best)]
    return blocks


def value_of(trial: TrialHistory) -> str:
    """Write a trial's objective, with the sd over several runs; of a pruned one, what it had come to."""
    value, spread = reached(trial), fold_spread(trial)
    if value is None or spread is None:
        return number(value)
    return with_error(value, spread)


def _summary(history: History, result: TestResult) -> list[Block]:
    over = sum(trial.is_over for trial in history.trials)
    state = f"{over} of {count(history.n_trials, 'trial')} done: {count_states(history.trials)}. "
    best = history.best
    if best is None:
        running = sum(trial.state == "running" for trial in history.trials)
        told = f"{count(running, 'trial')} running. " if running else ""
        return [
            text(
                state,
                told,
                "No trial has finished yet, so there is no best model and nothing to show on test data.",
            )
        ]
    direction = "higher" if history.created.maximise else "lower"
    runs = f"{history.created.folds} {history.created.run_word}s"
    spread = f", mean {PM} sd over {runs}" if fold_spread(best) is not None else ""
    found = (
        f"The best is trial {best.number} with {history.created.objective} = {value_of(best)} ({direction} "
        f"is better{spread}), "
    )
    chosen = listing([f"{name} = {number(best.settings[name])}" for name in history.created.settings])
    front = ""
    if history.created.others:
        names = listing(objective_names(history))
        front = (
            f"Searched for {names}; {count(len(history.front), 'trial')} on the Pareto front, of which it is "
            "the first. "
        )
    summary = text(state, found, f"found with {chosen}. ", front, *_test_sentence(history, result))
    alike = alike_line(history)
    return [summary, *([warning(f"{alike[0].upper()}{alike[1:]}.")] if alike else []), *result.warnings]


def simulated(histories: Sequence[History]) -> list[Text]:
    """Say where the data come from a parameterised simulation, as they tell themselves; each once."""
    told = dict.fromkeys(history.created.data.get("simulation") for history in histories)
    return [warning(f"Simulated data: {each}") for each in told if each]


def _test_sentence(history: History, result: TestResult) -> list[str]:
    if result.tested is None:
        return ["It has not been applied to the test set yet."]
    n_test = f"{result.tested.n_test:,} test {units(history.created.data)}"
    unseen = " that no training and no choice saw" if len(test_evaluations(history)) == 1 else ""
    told = [headline.told for part in result.parts if (headline := part.headline())]
    if told:
        return [f"On {n_test}{unseen}, {'; '.join(told)}."]
    figures = {name: result.figures[name] for name in common_names([each.metrics for each in result.tests])}
    metrics = listing(
        [f"{name} = {number(each.value) if each.error is None else each}" for name, each in figures.items()]
    )
    k = len(result.tests)
    of_runs = f" (mean {PM} sd over the models of {k} {result.word}s)" if k > 1 else ""
    return [f"On {n_test}{of_runs}: {metrics}."]


def _demonstration(history: History) -> list[Block]:
    physics = history.created.space_file.get("demonstration_of")
    if not physics:
        return []
    data, epochs = history.created.data, history.created.space_file["budget"]["epochs"]
    sizes = [f"{data[key]:,} for {part}" for key, part in _PARTS if key in data]
    limits = [f"{units(data)}: {listing(sizes)}"] if sizes else []
    limits.append(f"at most {count(epochs, 'epoch')} a run")
    limits += [f"{name} = {number(value)}" for name, value in _input_sizes(history)]
    return [
        warning(
            f"This study is a demonstration, small enough for a laptop ({'; '.join(limits)}). Its figures "
            "show that everything works; they are not a physics result. The study that is: ",
            Mono(f"raysearch tune {physics}"),
        )
    ]


_PARTS = (("n_train", "training"), ("n_validation", "validation"), ("n_test", "test"))


def _input_sizes(history: History) -> list[tuple[str, Any]]:
    """Held settings that say how much of each example is read, such as the number of constituents."""
    space = history.created.space_file["space"]
    return [
        (name, value)
        for name, value in space.items()
        if "constituents" in name and not isinstance(value, dict)
    ]


def _tiles(history: History, result: TestResult) -> Tiles:
    tiles: list[Tile] = []
    best = history.best
    if best:
        tiles.append(
            (f"best {history.created.objective}", value_of(best), f"trial {best.number}, on validation data")
        )
    tiles += [tile for part in result.parts if (headline := part.headline()) for tile in headline.tiles]
    if best and isinstance(fact(best, "parameters"), int):
        tiles.append(("parameters", f"{fact(best, 'parameters'):,}", "of the best network"))
    over = sum(trial.is_over for trial in history.trials)
    tiles.append(("trials", f"{over} / {history.n_trials}", count_states(history.trials)))
    resumed = len(history.sessions) - 1
    tiles.append(
        (
            "time spent",
            duration(history.busy_ms / 1000),
            f"resumed {count(resumed, 'time')}" if resumed > 0 else "one session",
        )
    )
    return Tiles(tuple(tiles))


def _settings_table(history: History, best: TrialHistory) -> Table:
    space = history.created.space_file["space"]
    rows = [
        (name, number(best.settings[name], 6), "searched", describe_domain(space[name]))
        for name in history.created.settings
    ]
    held = [
        (name, number(value, 6), "held", "") for name, value in space.items() if not isinstance(value, dict)
    ]
    return Table(("setting", "value", "", "range or choices"), (*rows, *held), numbers=frozenset({1}))
