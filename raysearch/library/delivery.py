"""Studies brought to MLflow at once; a running one has its mirror (:mod:`raysearch.tracking.mirror`)."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from raysearch.tracking import mirror

CATCH_UP_S = 120.0


def deliver(studies: Sequence[Path], uri: str, limit_s: float = CATCH_UP_S) -> Iterator[tuple[Path, str]]:
    """Bring MLflow up to date; it is a mirror, so that no study is worse off without it.

    Args:
        studies: their folders.
        uri: of MLflow.
        limit_s: how long all of them may take.

    Yields:
        Studies that could not be delivered, each with the reason.
    """
    deadline = time.monotonic() + limit_s
    for folder in studies:
        if problem := mirror.mirror_now(folder, uri, max(deadline - time.monotonic(), 0.0)):
            yield folder, problem
