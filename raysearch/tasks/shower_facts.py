"""What a study of showers should say of them wherever they come from."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from raysearch.data.hdf5_gate import open_hdf5
from raysearch.data.made_files import MADE
from raysearch.data.summary import FileSummary

PARAMETERISED = (
    "The showers come from a parameterisation (G. Grindhammer, S. Peters, hep-ex/0001020), not from a "
    "simulation of particles: their profile and the detector's resolution are its inputs, not predictions."
)


def simulation_facts(found: FileSummary) -> dict[str, Any]:
    """Tell how showers were simulated, where raysearch made them; nothing of others."""
    return {"simulation": PARAMETERISED} if any(map(_is_made_here, found.files)) else {}


def _is_made_here(file: Path) -> bool:
    with closing(open_hdf5(file)) as opened:
        return MADE in opened.attrs
