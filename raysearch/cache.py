"""Where this user's caches lie: prepared arrays and compiled kernels.

The folder is ``$RAYSEARCH_CACHE``, else ``$XDG_CACHE_HOME/raysearch``, else ``~/.cache/raysearch``, else, for
a user without a home, ``raysearch-UID`` among the temporary files. It may be deleted at any time.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from raysearch.files import expanded


def cache_root() -> Path:
    """Name the folder, which need not be there; who makes it decides who may enter."""
    if given := os.environ.get("RAYSEARCH_CACHE"):
        return expanded(given)
    for base in (Path(os.environ.get("XDG_CACHE_HOME", "")), expanded("~/.cache")):
        if base.is_absolute():  # a relative one is to be ignored, says the XDG specification
            return base / "raysearch"
    return Path(tempfile.gettempdir()) / f"raysearch-{os.getuid()}"
