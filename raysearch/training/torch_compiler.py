"""torch's compiler, which every optimiser imports though nothing is compiled, is loaded when it is needed.

``torch._dynamo`` takes a second of import and 66 MB, in the driver and in each process that trains.
Optimisers ask two things of it: a break of the graph, which outside of a compilation does nothing, and to
leave a function alone, which without a compiler everybody does. A stand-in answers these two. For whatever
else it is asked, such as by ``torch.compile``, it loads the compiler, which then takes its place.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import torch

NAME = "torch._dynamo"
OF_PACKAGES = ("__path__", "__all__")  # asked by who imports from it


class _StandIn(ModuleType):
    """Is found by ``import torch._dynamo`` for as long as nobody needs the compiler."""

    def __init__(self) -> None:
        super().__init__(NAME)
        found = importlib.util.find_spec(NAME)
        self.__file__ = found.origin if found else None
        self._left_alone: list[Any] = []  # functions that the compiler, once it is there, is to hear of

    def graph_break(self) -> None:
        """Nothing: without the compiler there is no graph."""

    def disable(
        self,
        fn: Any = None,  # noqa: ANN401 - as torch has it
        recursive: bool = True,
        **options: Any,
    ) -> Callable[..., Any]:
        """Have the compiler leave a function alone."""
        if fn is None or options != {"wrapping": False}:  # not as torch's own modules ask
            found: Callable[..., Any] = _compiler(self).disable(fn, recursive, **options)
            return found
        self._left_alone.append(fn)
        return fn  # type: ignore[no-any-return]

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - of any type
        # Whoever looks through all modules, as for those of a folder, does not want this one.
        if name.startswith("__") and name not in OF_PACKAGES:
            raise AttributeError(f"module {NAME!r} has no attribute {name!r}", name=name, obj=self)
        return getattr(_compiler(self), name)


def put_off_compiler() -> None:
    """Have torch's optimisers not import its compiler; nothing where it is there already."""
    if NAME not in sys.modules:
        sys.modules[NAME] = torch._dynamo = _StandIn()  # type: ignore[assignment]


def _compiler(stand_in: _StandIn) -> ModuleType:
    """Load the real one in place of the stand-in, which whoever has it may go on to ask."""
    if sys.modules.get(NAME) is stand_in:
        del sys.modules[NAME], torch._dynamo
    found = importlib.import_module(NAME)
    for function in stand_in._left_alone:  # torch keeps there what it was told of it
        vars(function).pop("__dynamo_disable", None)
    return found
