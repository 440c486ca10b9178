"""What a command asks for beyond the space file. Light, so that commands that start nothing stay fast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from raysearch.study.changes import Changes

CodeChoice = Literal["kept", "changed"] | None


@dataclass(frozen=True)
class Where:
    """Where runs are carried out: in this process, on a new local Ray, or on the cluster at ``address``."""

    address: str | None = None
    in_process: bool = False


@dataclass(frozen=True)
class Wish(Changes):
    """What a resume asks for beyond going on: changes to the study, and how it is taken up.

    Attributes:
        code: what to do where the code of the user's own task was changed: None refuses.
    """

    code: CodeChoice = None


NO_WISH = Wish()
