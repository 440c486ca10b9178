"""What a user is told of a study's search in a line of its own, besides its events."""

from __future__ import annotations

from raysearch.ledger.history import History
from raysearch.search.make import SMALLEST_WINDOW


def window_remark(history: History, slots: int) -> str:
    """Say of a study that begins that machines of another size would search otherwise; empty if none would.

    Args:
        history: of the study, whose window was chosen for so many slots.
        slots: runs at a time.
    """
    is_chosen = history.created.space_file["search"].get("window") is None
    if history.sessions or not is_chosen or history.window <= SMALLEST_WINDOW:
        return ""
    return (
        f"window {history.window}, for {slots} runs at a time: part of the study, and with another one the "
        f"same seed gives another history; --set search.window={SMALLEST_WINDOW} is the one of small machines"
    )
