"""Events of a detector as points in space that belong to several particles: the truth and an answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from raysearch.errors import InputError
from raysearch.metrics.shown.checks import need_one_length, need_plain, take, take_array

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Displays:
    """A few events: what was measured where, and which share of it belongs to which particle.

    Attributes:
        title: what they show.
        places: x, y, z of each point, (point, 3), z along the beam.
        length_unit: of the places: ``mm``.
        sizes: what was measured there, above 0, (point,); a larger one is drawn larger.
        size_unit: of the sizes: ``GeV``.
        event: which of the events a point is of, int (point,), from 0.
        true: shares of each particle, (point, particle).
        found: shares as a network gives them, of the same shape.
        captions: one for each event.

    Raises:
        InputError: shapes that do not fit together, or other kinds of values.
    """

    title: str
    places: Array
    length_unit: str
    sizes: Array
    size_unit: str
    event: Array
    true: Array
    found: Array
    captions: tuple[str, ...]

    def __post_init__(self) -> None:
        need_plain(self)
        take(self, "captions", tuple(map(str, self.captions)))
        take_array(self, "places", ("point", "coordinate"))
        take_array(self, "sizes", ("point",))
        take_array(self, "event", ("point",), kinds="iu")
        for name in ("true", "found"):
            take_array(self, name, ("point", "particle"))
        need_one_length(self, "point", "places", "sizes", "event", "true", "found")
        if self.places.shape[1] != 3:
            raise InputError(f"Displays.places: needs x, y and z, got {self.places.shape}")
        if self.true.shape != self.found.shape or not self.true.size:
            told = f"needs the shape of true, and a point, got {self.true.shape} and {self.found.shape}"
            raise InputError(f"Displays.found: {told}")
        if not self.captions or not ((self.event >= 0) & (self.event < len(self.captions))).all():
            raise InputError(f"Displays.event: needs 0 to less than the {len(self.captions)} captions")
