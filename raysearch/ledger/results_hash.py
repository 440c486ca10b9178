"""One number for what a study came to, by which two studies are compared."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable

from raysearch.ledger.trial_history import TrialHistory


def results_hash(committed: Iterable[TrialHistory]) -> str:
    """SHA-256 over (number, settings, parent if any, value, state) of committed trials.

    Floats count with all their bits.

    Args:
        committed: the trials, by number.
    """
    # By number and not by order of commit, and without times and attempts, which no seed decides.
    digest = hashlib.sha256()
    for trial in committed:
        assert trial.committed is not None
        for name, value in sorted(trial.settings.items()):
            bits = struct.pack("<d", value) if isinstance(value, float) else repr(value).encode()
            digest.update(name.encode() + b"=" + bits + b";")
        # Only where there is one, so that studies of before there were parents keep their hash.
        if trial.parent is not None:
            digest.update(f"parent={trial.parent};".encode())
        value = trial.committed.value
        digest.update(f"{trial.number}:{trial.committed.state}:".encode())
        digest.update(b"none" if value is None else struct.pack("<d", value))
        for name, other in sorted(trial.committed.others.items()):
            digest.update(name.encode() + struct.pack("<d", other))
    return digest.hexdigest()
