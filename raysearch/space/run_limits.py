"""Limits of time and memory: what they are called, where a space file has them, and what they say.

They decide no bit of a run that keeps them, so they are no part of a study's identity and may be changed
whenever it is taken up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from raysearch.errors import InputError
from raysearch.space.durations import parse_duration
from raysearch.space.sizes import parse_size

NO_LIMIT = "none"  # as a wish: from here on there is no such limit
_KINDS: dict[str, tuple[str, Callable[[object], float]]] = {  # name: section, how it is read
    "time": ("budget", parse_duration),
    "run_time": ("budget", parse_duration),
    "silence": ("budget", parse_duration),
    "memory": ("resources", parse_size),
}
IN_SECTION = {
    section: frozenset(name for name, (inside, _) in _KINDS.items() if inside == section)
    for section in ("budget", "resources")
}


@dataclass(frozen=True)
class RunLimits:
    """What a study and its runs may take; None is no limit, of the silence one that goes by the epochs.

    Attributes:
        time_s: seconds from a start or resume of the study until no more is trained.
        run_time_s: seconds that a run may take.
        silence_s: seconds in which a run may tell of no new epoch.
        memory_bytes: what each worker of a run may take.
    """

    time_s: float | None = None
    run_time_s: float | None = None
    silence_s: float | None = None
    memory_bytes: int | None = None

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> RunLimits:
        """Read limits as people write them, by name."""
        found = {name: read(value) for name, (_, read) in _KINDS.items() if (value := written.get(name))}
        memory = found.get("memory")
        return cls(
            found.get("time"),
            found.get("run_time"),
            found.get("silence"),
            None if memory is None else int(memory),
        )


def limits_in(space_file: Mapping[str, Any]) -> dict[str, Any]:
    """The limits of a space file's content, as written there; a file of 0.1.0 has none."""
    return {name: space_file.get(section, {}).get(name) for name, (section, _) in _KINDS.items()}


def overrides(limits: Mapping[str, Any]) -> list[str]:
    """Write limits that :func:`wished` returns as overrides of a space file."""
    return [
        f"{_KINDS[name][0]}.{name}={'null' if value is None else value}" for name, value in limits.items()
    ]


def wished(named: Mapping[str, Any]) -> dict[str, Any]:
    """Check limits that an option or argument changes; one that is not given is None, and stays.

    Args:
        named: by name; ``none`` lifts a limit.

    Returns:
        Those that were given, a lifted one as None.

    Raises:
        InputError: one cannot be read; all of them are named.
    """
    given = {name: None if value == NO_LIMIT else value for name, value in named.items() if value is not None}
    problems = []
    for name, value in given.items():
        try:
            if value is not None:
                _KINDS[name][1](value)
        except ValueError as error:
            problems.append(f"--{name.replace('_', '-')} {value}: {error}, or none for no limit")
    if problems:
        raise InputError(*problems)
    return given
