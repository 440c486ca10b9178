"""raysearch: search for good neural networks in high-energy physics, on a laptop or a Ray cluster."""

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from raysearch.errors import RaysearchError
    from raysearch.library.bundles import bundle, unbundle
    from raysearch.library.comparison import compare
    from raysearch.library.evaluate import evaluate
    from raysearch.library.open import open, studies
    from raysearch.library.opened_series import OpenedSeries as Series
    from raysearch.library.opened_study import OpenedStudy as Study
    from raysearch.library.resume import resume
    from raysearch.library.scale import scale
    from raysearch.library.train import train
    from raysearch.library.tune import check, tune

# What users call: where it lies. Imported when it is asked for, so that `raysearch --help` waits for none.
_LAZY = {
    "RaysearchError": ("raysearch.errors", "RaysearchError"),
    "Series": ("raysearch.library.opened_series", "OpenedSeries"),
    "Study": ("raysearch.library.opened_study", "OpenedStudy"),
    "bundle": ("raysearch.library.bundles", "bundle"),
    "check": ("raysearch.library.tune", "check"),
    "compare": ("raysearch.library.comparison", "compare"),
    "evaluate": ("raysearch.library.evaluate", "evaluate"),
    "open": ("raysearch.library.open", "open"),
    "resume": ("raysearch.library.resume", "resume"),
    "scale": ("raysearch.library.scale", "scale"),
    "studies": ("raysearch.library.open", "studies"),
    "train": ("raysearch.library.train", "train"),
    "tune": ("raysearch.library.tune", "tune"),
    "unbundle": ("raysearch.library.bundles", "unbundle"),
}
__all__ = [
    "RaysearchError",
    "Series",
    "Study",
    "bundle",
    "check",
    "compare",
    "evaluate",
    "open",
    "resume",
    "scale",
    "studies",
    "train",
    "tune",
    "unbundle",
]


def __getattr__(name: str) -> object:
    """Import what is asked for (PEP 562)."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib  # noqa: PLC0415 - few need it

    module, inner = _LAZY[name]
    return getattr(importlib.import_module(module), inner)


def __dir__() -> list[str]:
    return sorted([*globals(), *_LAZY])
