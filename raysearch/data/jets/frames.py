"""Which definitions turn a jet's four-momenta into what networks see, and which of them a file wants.

There are two. ``public`` is that of the public HLS4ML LHC jet files, and of all files but these: version
0.1.0 derived features by guesses of its own (``0.1.0``), and its files of four-momenta, with the networks
that were trained on them, go on being read as they were.
"""

from __future__ import annotations

from enum import StrEnum

import h5py

from raysearch.data.jets.layout import CONSTITUENTS, EVENT
from raysearch.data.made_files import MADE


class Frame(StrEnum):
    """How a jet is turned about its axis and drawn.

    - ``public``: the rotation of raysearch/data/jets/rotation.py, costhetarel = tanh(etarot), images from
      -1.0 to 1.0 with phirel along the first axis;
    - ``0.1.0``: the hardest constituent on the positive phirot axis, costhetarel = cos(theta), images from
      -0.8 to 0.8 with etarel along the first axis.
    """

    public = "public"
    first = "0.1.0"


def frame_of(file: h5py.File) -> Frame:
    """Tell by which definitions an open jet file's features are derived, or were by who made it."""
    item = file.get(CONSTITUENTS)
    # Version 0.1.0 did not write how its files were made.
    if MADE in file.attrs or EVENT not in file or not isinstance(item, h5py.Dataset):
        return Frame.public
    # Version 0.1.0 left no name in its files, but event numbers, and stored them as hardly anything does:
    # shuffled, packed as tightly as can be, with check sums.
    packed = (item.compression, item.compression_opts, item.shuffle, item.fletcher32)
    return Frame.first if packed == ("gzip", 9, True, True) else Frame.public
