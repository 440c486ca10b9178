"""What all who read or write a series' file agree on: how it and the members in it are called."""

from __future__ import annotations

import re
from collections.abc import Sequence

FILE = "series.yaml"  # in the folder of a series, beside its studies' folders


def member_name(values: Sequence[object], variant: str = "") -> str:
    """The name of a member with these varied values: a folder's, too, so that other letters become "_"."""
    texts = [re.sub(r"[^A-Za-z0-9._]+", "_", str(value)) for value in values]
    return "-".join([*([variant] if variant else []), *texts])
