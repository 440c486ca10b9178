"""Settings of every generator of point clouds: which clouds it sees, and whether it is told their class."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from raysearch.errors import InputError, one_of
from raysearch.tasks.cloud_rows import ALL, CLASSES_OF, JETS, CloudView


@dataclass(frozen=True, kw_only=True)
class CloudSettings:
    """What a generator sees; a subclass adds its networks and tells its own faults in :meth:`problems`.

    Attributes:
        clouds: ``jets`` or ``digits``.
        of_class: a class of jets, g, q, w, z or t, or a digit, 0 to 9; ``all``: whatever the files have.
        conditional: whether networks are told the class, with ``of_class: all``.
        points: of a cloud, the hardest particles or brightest pixels.
    """

    clouds: str = JETS
    of_class: str = "g"
    conditional: bool = False
    points: int = 30

    def __post_init__(self) -> None:
        if problems := list(self.problems()):
            raise InputError(*problems)

    def problems(self) -> Iterator[str]:
        """Tell every fault, as ``name: what``."""
        yield from class_problems(self.clouds, self.of_class)
        if self.points < 1:
            yield f"points: needs at least 1, got {self.points}"

    @property
    def view(self) -> CloudView:
        """What the networks see."""
        return CloudView(self.clouds, self.points, str(self.of_class))


def class_problems(clouds: str, of_class: str) -> Iterator[str]:
    """Tell which of the two names something that is not there."""
    if clouds not in CLASSES_OF:
        yield f"clouds: needs {one_of(tuple(CLASSES_OF))}, got {clouds!r}"
        return
    classes = (*CLASSES_OF[clouds], ALL)
    # YAML reads a digit as a number.
    if str(of_class) not in classes:
        yield f"of_class: of {clouds} needs {one_of(classes)}, got {of_class!r}"
