"""Environment variables that Ray reads when it is imported, so they are set before.

This file imports no Ray.
"""

from __future__ import annotations

import os
from pathlib import Path

from raysearch.errors import ResourceError

TOKEN = Path.home() / ".ray" / "auth_token"  # which Ray makes if it is told of no other


def token_path() -> Path:
    """Where Ray looks for the token: ``RAY_AUTH_TOKEN_PATH``, else its own place."""
    return Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or TOKEN)


def ray_folder() -> Path:
    """In which Ray makes the folders of its sessions."""
    return Path(os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or "/tmp", "ray")


def prepare_environment(address: str | None) -> None:
    """Set what Ray reads at import: the token on, telemetry off, nothing printed by Tune.

    A token keeps strangers out. A new local Ray always has one (it makes the file if there is none) and
    listens on loopback only; a cluster at an address, which listens on all interfaces, has one if this
    machine was given its file.

    Raises:
        ResourceError: the environment switches the token off.
    """
    mode = os.environ.get("RAY_AUTH_MODE") or "token"
    if mode != "token":
        raise ResourceError(
            f"RAY_AUTH_MODE is {mode!r}: whoever reaches Ray's ports could run commands as you; unset it"
        )
    if address is not None and (os.environ.get("RAY_AUTH_TOKEN") or token_path().is_file()):
        os.environ.setdefault("RAY_AUTH_MODE", "token")
    if address is None:
        # Ray takes a loopback address for a mistake and listens on all interfaces,
        # unless it may not form a cluster
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # connects the workers of a run
    os.environ.update(
        {
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
            "RAY_AIR_NEW_OUTPUT": "0",
            "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # the ledger is the record
            "TUNE_DISABLE_SIGINT_HANDLER": "1",  # ours decides
            "TUNE_GLOBAL_CHECKPOINT_S": "100000",  # Tune's state is never read back
            "TUNE_WARN_THRESHOLD_S": "100000",
            "TUNE_RESULT_BUFFER_LENGTH": "0",
        }
    )
