"""What a command asks for beyond the space file. Light, so that commands that start nothing stay fast."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Where:
    """Where runs are carried out: in this process, on a new local Ray, or on the cluster at ``address``."""

    address: str | None = None
    in_process: bool = False


@dataclass(frozen=True)
class Wish:
    """What a resume asks for beyond going on: more trials, a wider window, another disk budget (``4 GB``)."""

    extra_trials: int = 0
    window: int | None = None
    disk: str | None = None


NO_WISH = Wish()
