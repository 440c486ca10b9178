"""Searchers of several objectives, and settings that the user gives: same seed, same bits, and they learn."""

from __future__ import annotations

import random
import statistics

import numpy as np
import pytest
from test_contract import JEDI, WINDOW, objective

from raysearch.search.make import SAMPLERS, make_searcher, sampler_problems
from raysearch.space.domains import Space
from raysearch.space.sections import SearchSection

MANY = [name for name, sampler in SAMPLERS.items() if sampler.many_objectives and name != "grid"]
ONE = [name for name, sampler in SAMPLERS.items() if not sampler.many_objectives]
LEARNERS = [name for name in MANY if name != "random"]
TRIALS = 80


def make(name: str, seed: int = 3, objectives: int = 2):
    return make_searcher(SearchSection(sampler=name, trials=TRIALS), JEDI, seed, WINDOW, objectives)


def two(seed: int, space: Space = JEDI):
    """Two bowls with different bottoms: what is good for one is bad for the other."""
    first, second = objective(seed, space), objective(seed + 1000, space)
    return lambda settings: (first(settings), second(settings))


def run(searcher, score, arrival: random.Random, trials: int = TRIALS):
    """The study's protocol with several values; every seventh trial fails."""
    asked = {number: searcher.ask(number) for number in range(WINDOW)}
    running, done, committed = list(asked), {}, 0
    while running:
        number = running.pop(arrival.randrange(len(running)))
        done[number] = None if number % 7 == 6 else score(asked[number])
        while committed in done:
            searcher.tell(committed, done[committed])
            if committed + WINDOW < trials:
                asked[committed + WINDOW] = searcher.ask(committed + WINDOW)
                running.append(committed + WINDOW)
            committed += 1
    return [(asked[number], done[number]) for number in range(trials)]


def hypervolume(history, corner: float = 2.5) -> float:
    """Area between the front and a corner that is worse than all: the larger the better."""
    points = sorted(values for _, values in history if values is not None)
    area, height = 0.0, corner
    for x, y in points:
        if y < height and x < corner:
            area += (corner - x) * (height - y)
            height = y
    return area


@pytest.mark.parametrize("name", MANY)
def test_any_order_of_arrival_gives_the_same_proposals(name: str) -> None:
    first = run(make(name), two(1), random.Random(0), trials=40)
    assert run(make(name), two(1), random.Random(9), trials=40) == first


@pytest.mark.parametrize("name", LEARNERS)
def test_the_front_is_better_than_chance(name: str) -> None:
    gains = []
    for seed in range(6):
        own = hypervolume(run(make(name, seed), two(seed), random.Random(seed)))
        chance = statistics.median(
            hypervolume(run(make("random", 100 * seed + i), two(seed), random.Random(i))) for i in range(5)
        )
        gains.append(own - chance)
    assert sum(gain > 0 for gain in gains) >= 5, gains


@pytest.mark.parametrize("name", ONE)
def test_those_of_one_objective_say_so(name: str) -> None:
    (problem,) = sampler_problems(SearchSection(sampler=name, trials=9), JEDI, 2)
    assert f"{name} searches one objective, got 2; one of tpe, nsga2, random, grid" in problem


@pytest.mark.parametrize("name", [name for name in SAMPLERS if name not in {"random", "grid", "gp", "nsga2"}])
def test_given_settings_are_learned_from(name: str) -> None:
    """Given the bottom of the bowl at once, a searcher does better than from nothing."""
    score = objective(5)
    rng = np.random.default_rng(0)
    bottom = min((JEDI.sample(rng) for _ in range(10_000)), key=score)

    def later(*, given: bool) -> float:
        values = []
        for seed in range(5):
            searcher = make_searcher(SearchSection(sampler=name, trials=40), JEDI, seed, 1)
            history = []
            for number in range(40):
                if given and number == 0:
                    searcher.give(0, bottom)
                    settings = bottom
                else:
                    settings = searcher.ask(number)
                searcher.tell(number, [score(settings)])
                history.append(score(settings))
            values.append(statistics.median(history[10:]))
        return statistics.median(values)

    assert later(given=True) < later(given=False)
