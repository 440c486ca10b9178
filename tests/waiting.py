"""How tests wait: for progress, looked at again and again, with a limit that no slow machine reaches.

A test never says how fast a machine is. What must be quick is compared with what it would be otherwise, or
measured in the processor's time.
"""

from __future__ import annotations

import time
from collections.abc import Callable

FAR_AWAY_S = 1800.0  # it ends a suite that hangs; nothing that works is ever told by it


def wait_for(condition: Callable[[], object], what: str = "what is waited for") -> None:
    """Wait until a condition holds; an assertion fails if it never does."""
    deadline = time.monotonic() + FAR_AWAY_S
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {FAR_AWAY_S:g} s"
        time.sleep(0.02)
