"""What Ray's autoscaler, which `ray up` starts, says of a cluster file."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any


def as_ray_reads_it(content: Mapping[str, Any]) -> Iterator[str]:
    """What Ray itself says of the file, completed with its defaults."""
    from ray.autoscaler._private.util import prepare_config, validate_config  # noqa: PLC0415 - takes a second

    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            validate_config(prepare_config(json.loads(json.dumps(content))))
    except Exception as error:  # noqa: BLE001 - Ray raises of every kind
        text = str(error) or said.getvalue()
        yield f"Ray refuses it: {' '.join(text.split()) or type(error).__name__}"
