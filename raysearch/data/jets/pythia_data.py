"""Where Pythia's data lie: it starts without them, and then knows none of its own settings."""

from __future__ import annotations

import importlib.metadata
import os
from pathlib import Path

VARIABLE = "PYTHIA8DATA"
NEEDED = "Index.xml"  # the first file of them that Pythia opens


def pythia_data() -> str:
    """Name the folder of Pythia's data, or nothing where its package does not tell and Pythia has to know."""
    if told := os.environ.get(VARIABLE):
        return told
    files = importlib.metadata.files("pythia8mc") or ()
    return next((str(Path(file.locate()).resolve().parent) for file in files if file.name == NEEDED), "")


def where_to_look() -> str:
    """Say in one line what helps when Pythia did not find its data, or found those of another version."""
    version = importlib.metadata.version("pythia8mc")
    place = "share/Pythia8/xmldoc of the environment that pythia8mc is installed in"
    if told := os.environ.get(VARIABLE):
        return (
            f"{VARIABLE} is {told}, where the data of pythia8mc {version} are not: unset it, or name their "
            f"folder, such as {place}"
        )
    return f"pythia8mc {version} does not find its data: set {VARIABLE} to their folder, such as {place}"
