"""What a command asks for beyond the space file. Light, so that commands that start nothing stay fast."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

CodeChoice = Literal["kept", "changed"] | None


@dataclass(frozen=True)
class Where:
    """Where runs are carried out: in this process, on a new local Ray, or on the cluster at ``address``."""

    address: str | None = None
    in_process: bool = False


@dataclass(frozen=True)
class Wish:
    """What a resume asks for beyond going on.

    Attributes:
        extra_trials: so many more.
        window: a wider one.
        disk: another disk budget, such as ``4 GB``.
        retry_failed: try failed runs again.
        code: what to do where the code of the user's own task was changed: None refuses.
        recode: sums of the code that it goes on with from here on, where that is another.
        limits: other limits of time and memory, as :func:`raysearch.space.run_limits.wished` returns them.
    """

    extra_trials: int = 0
    window: int | None = None
    disk: str | None = None
    retry_failed: bool = False
    code: CodeChoice = None
    recode: dict[str, str] | None = None
    limits: Mapping[str, Any] = field(default_factory=dict)


NO_WISH = Wish()
