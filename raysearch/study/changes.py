"""What a user changes of a study that he takes up. Light, as commands that start nothing read it too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Changes:
    """What holds from a new session on; by default nothing changes.

    Attributes:
        extra_trials: so many more.
        window: a wider one.
        disk: another disk budget, such as ``4 GB``.
        retry_failed: try failed runs again, before any other trial is committed.
        recode: sums of the code that it goes on with from here on, where that is another.
        limits: other limits of time and memory, as :func:`raysearch.space.run_limits.wished` returns them.
    """

    extra_trials: int = 0
    window: int | None = None
    disk: str | None = None
    retry_failed: bool = False
    recode: dict[str, str] | None = None
    limits: Mapping[str, Any] = field(default_factory=dict)


NO_CHANGES = Changes()
