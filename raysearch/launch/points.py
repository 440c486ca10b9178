"""Which points of a space are looked at before a study, and which may be run in it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from raysearch.errors import InputError
from raysearch.launch.orders import source_of, way_of
from raysearch.launch.run_environment import only_visible
from raysearch.seeds import generator
from raysearch.space.domains import ChoiceDomain
from raysearch.space.space_file import SpaceFile
from raysearch.study.asking import DRAWS, Gate, Refusal
from raysearch.training.allowed import Allowed

N_MORE = 16  # points drawn for the size of models, where corners cannot tell it

Point = dict[str, Any]


@dataclass(frozen=True)
class Points:
    """What of a space is looked at; all of it is such as the task takes.

    Attributes:
        drawn: at random, to be trained a step.
        corners: where models are largest or smallest, with every value of every choice; and where some of
            these are refused, more that are drawn.
        refused: why the first refused corner is, or empty.
    """

    drawn: Point
    corners: list[Point]
    refused: str


def points_of(space_file: SpaceFile, purpose: str = "rehearsal", reference: str = "") -> Points:
    """Find the points of a space to look at, without those that the task refuses.

    Args:
        space_file: the space and the task, whose own code is run.
        purpose: what the random one is drawn for.
        reference: of the task, where that is not the space file's: a copy.

    Raises:
        InputError: nothing may be run of the space, or nothing with some value of a choice; an end of a range
            is refused whatever stands beside it; or settings that the task does not know.
    """
    allowed = _Finder(space_file, reference or space_file.task)
    drawn = next(allowed.draws(purpose), None)
    if drawn is None:
        raise InputError(*allowed.why_none("no point of the space"))
    corners, refused = [], ""
    for corner in space_file.searched.corners:
        if problems := allowed.problems(corner):
            refused = refused or "; ".join(problems)
        else:
            corners.append(corner)
    if refused and (wrong := _wrong_ends(space_file, allowed)):
        raise InputError(*wrong)
    corners += _of_missing_choices(space_file, allowed, [drawn, *corners])
    more = itertools.islice(allowed.draws("size"), N_MORE) if refused else ()
    return Points(drawn, [*corners, *more], refused)


def gate_of(space_file: SpaceFile, reference: Callable[[], str] | None = None) -> Gate:
    """Make what tells of a study's proposals whether they may be run.

    Args:
        space_file: of the study.
        reference: finds the task when the first point is looked at; by default it is the space file's.
    """

    @cache
    def looked_at() -> Allowed:
        return _looked_at(space_file, reference() if reference else space_file.task)

    def gate(settings: Mapping[str, Any]) -> Refusal | None:
        with only_visible(space_file.resources.environment):  # the task's code is run
            if problems := looked_at().problems(settings):
                return "settings", "; ".join(problems)
            if reason := looked_at().over_limit(settings):
                return "limit", reason
        return None

    return gate


def _looked_at(space_file: SpaceFile, reference: str) -> Allowed:
    return Allowed(reference, way_of(space_file), source_of(space_file), space_file.limits.given)


class _Finder:
    """Draws points that the task takes, and remembers why others are refused."""

    def __init__(self, space_file: SpaceFile, reference: str) -> None:
        self._seed, self._space = space_file.seed, space_file.searched
        self._looked_at = _looked_at(space_file, reference)
        self._reasons: dict[tuple[str, ...], None] = {}

    def problems(self, point: Mapping[str, Any]) -> tuple[str, ...]:
        """Why the task refuses a point."""
        return self._looked_at.problems(point)

    def draws(self, purpose: str, held: Mapping[str, Any] | None = None) -> Iterator[Point]:
        """Points that are allowed, of so many draws from one stream, with some settings at a value."""
        self._reasons = {}
        rng = generator(self._seed, purpose)
        for _ in range(DRAWS):
            point = self._space.complete({**self._space.sample(rng), **(held or {})})
            if problems := self.problems(point):
                self._reasons[problems] = None
            else:
                yield point

    def why_none(self, what: str) -> Iterator[str]:
        """Say why the last draws gave nothing."""
        first, *others = self._reasons
        yield from first
        if others:
            yield f"space: {what} may be run, of {DRAWS} drawn"


def _of_missing_choices(space_file: SpaceFile, allowed: _Finder, points: list[Point]) -> list[Point]:
    """A point for each value of a choice that none of ``points`` has.

    Raises:
        InputError: there is none: the value would never be tried, and may be a slip of the pen.
    """
    found: list[Point] = []
    problems: list[str] = []
    for name, domain in space_file.searched.domains.items():
        if not isinstance(domain, ChoiceDomain):
            continue
        for value in domain.values:
            if any(domain.index(point[name]) == domain.index(value) for point in [*points, *found]):
                continue
            point = next(allowed.draws("choice", {name: value}), None)
            if point is None:
                problems += allowed.why_none(f"no point with {name} = {value!r}")
            else:
                found.append(point)
    if problems:
        raise InputError(*dict.fromkeys(problems))
    return found


def _wrong_ends(space_file: SpaceFile, allowed: _Finder) -> list[str]:
    """Say why ends of ranges are refused by themselves, which is a slip of the pen, and no constraint."""
    problems: dict[str, None] = {}
    space, rng = space_file.searched, generator(space_file.seed, "ends")
    for name, domain in space.domains.items():
        for end in () if isinstance(domain, ChoiceDomain) else (domain.low, domain.high):
            point = space.complete({**space.sample(rng), name: end})
            told = allowed.problems(point)
            draws = ({**space.complete(space.sample(rng)), name: end} for _ in range(N_MORE))
            others = itertools.chain(draws, _far_from(point, name))
            if told and all(allowed.problems(other) == told for other in others):
                problems |= dict.fromkeys(told)
    return list(problems)


def _far_from(point: Point, held: str) -> Iterator[Point]:
    """Points with one other number far outside of any range: what hangs on two settings then is another."""
    for name, value in point.items():
        if name != held and isinstance(value, (int, float)) and not isinstance(value, bool):
            for far in (1000 * (abs(value) + 1), -1000 * (abs(value) + 1)):
                yield {**point, name: far}
