"""What a study's trials are asked: the user's own settings, then what the search proposes and may be run.

A proposal is turned down before it becomes a trial where the task refuses it, where its model is over a
limit, and where an earlier trial has the same settings; then the search is asked again. Each such proposal is
in the ledger, so that a replay asks as often without looking at the points again. A search that does not get
away from where nothing may be run is helped by points drawn at random in its place; if none of those may be
run either, the space is exhausted.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from raysearch.errors import InputError
from raysearch.ledger.asking_records import Asked, Cause, Exhausted, Redrawn
from raysearch.search.make import make_searcher
from raysearch.search.searcher import Breeder, Proposal, Recalling
from raysearch.seeds import generator
from raysearch.space.space_file import SpaceFile

TRIES = 20  # proposals for one trial that are turned down, before points are drawn at random
REPEATS = 5  # of them such as an earlier trial has: a search that has settled would propose on and on
DRAWS = 1000  # points drawn at random for one trial, before the space counts as exhausted
LISTED = 10_000  # a space of up to so many points is drawn from without putting back

Refusal = tuple[Cause, str]
Gate = Callable[[Mapping[str, Any]], Refusal | None]
"""Says of complete settings why they may not be run, or None."""


MakeGate = Callable[[SpaceFile], Gate]


def all_open(_: SpaceFile) -> Gate:
    """Make a gate that lets everything pass."""
    return lambda settings: None  # noqa: ARG005 - a gate is given them


class Asking:
    """Asks for the trials of a study, in their order.

    Args:
        space_file: of the study.
        window: trials asked ahead.
        n_objectives: that will be told of a trial.
        gate: what may be run.
    """

    def __init__(self, space_file: SpaceFile, window: int, n_objectives: int, gate: Gate) -> None:
        search, self._seed, self._gate = space_file.search, space_file.seed, gate
        self._space, self._given = space_file.searched, space_file.enqueued
        self._searcher = make_searcher(search, self._space, self._seed, window, n_objectives)
        self.inherits = isinstance(self._searcher, Breeder) and self._searcher.inherits
        self.recalls = isinstance(self._searcher, Recalling)  # can be told what it proposed
        self._size = self._space.grid_size
        # A grid comes to every point by itself, in its order.
        self._tries = self._size if search.sampler == "grid" and self._size else TRIES
        self._tried: dict[tuple[str, ...], int | None] = {}  # by point its trial, None if it may not be run
        self._turned_down: list[Redrawn] = []  # for the trial that is asked next

    def next(self, number: int, n_committed: int, wanted: int) -> Iterator[Asked | Redrawn | Exhausted]:
        """Ask for a trial: what was turned down for it, then what it is, or that the space has no more.

        Args:
            number: of the trial.
            n_committed: trials that are committed by now.
            wanted: trials that there are to be.

        Raises:
            InputError: nothing in the space may be run.
        """
        while number >= len(self._given) and not self._is_stuck:
            settings = self._searcher.ask(number)
            refusal = self._refusal(settings)
            if refusal is None:
                yield self._asked(number, settings, n_committed)
                return
            record = Redrawn(trial=number, settings=settings, cause=refusal[0], reason=refusal[1])
            self._turn_down(record)
            yield record
        drawn = self._first_drawn(number) if number >= len(self._given) else 0
        if drawn is not None:
            yield self._asked(number, self._proposed(number, drawn), n_committed, drawn)
            return
        if not any(trial is not None for trial in self._tried.values()):
            reason = self._turned_down[0].reason
            raise InputError(f"space: no point of it may be run, of all that were drawn; the first: {reason}")
        yield Exhausted(wanted=wanted, points=self._size)

    def again(self, record: Asked | Redrawn, *, verify: bool) -> Asked | Redrawn:
        """Ask for what the ledger has, and return it as it comes out now.

        Args:
            record: what the ledger has.
            verify: have the search propose it again; else it is believed, if the search can be told of it.
        """
        if isinstance(record, Redrawn):
            settings = self._propose_again(record, verify=verify)
            proposed = Redrawn(
                trial=record.trial, settings=settings, cause=record.cause, reason=record.reason
            )
            self._turn_down(proposed)
            return proposed
        if record.trial < len(self._given) or record.drawn:
            settings = self._proposed(record.trial, record.drawn)
        else:
            settings = self._propose_again(record, verify=verify)
        return self._asked(record.trial, settings, record.n_committed_when_asked, record.drawn)

    def _propose_again(self, record: Asked | Redrawn, *, verify: bool) -> Proposal:
        if verify or not isinstance(self._searcher, Recalling):
            return self._searcher.ask(record.trial)
        self._searcher.recall(record.trial, record.settings)
        return record.settings

    def tell(self, number: int, values: Sequence[float] | None) -> None:
        """Tell the search the objectives of a committed trial, to minimise; None if it failed."""
        self._searcher.tell(number, values)

    @property
    def possible_parents(self) -> Collection[int]:
        """Trials that others, yet to be asked, may begin from."""
        return self._searcher.possible_parents if isinstance(self._searcher, Breeder) else ()

    def _asked(self, number: int, settings: Proposal, n_committed: int, drawn: int = 0) -> Asked:
        self._tried.setdefault(self._key(settings), number)
        self._turned_down = []
        return Asked(
            trial=number,
            settings=settings,
            n_committed_when_asked=n_committed,
            given=number < len(self._given),
            parent=self._searcher.parent(number) if isinstance(self._searcher, Breeder) else None,
            drawn=drawn,
        )

    def _proposed(self, number: int, drawn: int) -> Proposal:
        """A trial's settings: the user's, the search's own, or with ``drawn`` one of those in its place."""
        if number < len(self._given):
            settings = self._given[number]
        elif drawn:
            settings = next(itertools.islice(self._draws(number), drawn - 1, None))
        else:
            return self._searcher.ask(number)
        self._searcher.give(number, settings)
        return settings

    def _turn_down(self, record: Redrawn) -> None:
        is_repeat = record.cause == "repeat"
        if not is_repeat:
            self._tried[self._key(record.settings)] = None
        self._turned_down.append(record)
        self._searcher.turn_down(record.trial, is_repeat=is_repeat)

    @property
    def _is_stuck(self) -> bool:
        """Whether it is in vain to ask the search once more."""
        n_repeats = sum(record.cause == "repeat" for record in self._turned_down)
        is_tried_out = not self.inherits and self._size is not None and len(self._tried) >= self._size
        return is_tried_out or len(self._turned_down) >= self._tries or n_repeats >= REPEATS

    def _refusal(self, settings: Proposal) -> Refusal | None:
        # With other weights to begin from the same settings are another trial, and in a continuum nothing is
        # proposed twice.
        first = None if self.inherits or self._size is None else self._tried.get(self._key(settings))
        if first is not None:
            return "repeat", f"trial {first} has these settings"
        return self._gate(self._space.complete(settings))

    def _first_drawn(self, number: int) -> int | None:
        """Number, from 1, of the first of the points drawn at random that may be run; None if none may."""
        for drawn, settings in enumerate(self._draws(number), start=1):
            if self._refusal(settings) is None:
                return drawn
        return None

    def _draws(self, number: int) -> Iterator[Proposal]:
        """Points drawn at random for a trial; of a small space those that were not tried, each once."""
        rng = generator(self._seed, "instead", number)
        if self._size is None or self._size > LISTED or self.inherits:
            for _ in range(DRAWS):
                yield self._space.sample(rng)
            return
        free = [point for point in self._points() if self._key(point) not in self._tried]
        yield from (free[place] for place in rng.permutation(len(free)))

    def _points(self) -> Iterator[Proposal]:
        """All points of a finite space."""
        values = [
            [domain.value_at(place) for place in range(domain.size or 0)]  # type: ignore[union-attr]
            for domain in self._space.domains.values()
        ]
        names = list(self._space.domains)
        return (dict(zip(names, point, strict=True)) for point in itertools.product(*values))

    def _key(self, settings: Proposal) -> tuple[str, ...]:
        # By repr, since as keys 1, 1.0 and True would be one.
        return tuple(repr(settings[name]) for name in self._space.domains)
