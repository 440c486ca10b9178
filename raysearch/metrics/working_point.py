"""How well one kind's efficiency is known at a cut that a finite sample of the other kind sets.

At a true positive rate t read where the false positive rate is u, of m signal and n background events, the
variance is t (1 - t) / m + (dt/du)^2 u (1 - u) / n: the signal counted, and the cut, which moves with the
background it is set by (F. Hsieh, B. W. Turnbull, Annals of Statistics 24 (1996) 25, Theorem 2.2). The same
with the kinds exchanged holds of a false positive rate at a fixed true positive rate.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def error_of_cut(at: float | Floats, fixed: Floats, read: Floats, n_fixed: int) -> Floats:
    """One standard deviation that the cut's own place adds to an efficiency read at it: |slope| times sigma.

    The slope is that of the chord over one standard deviation of the fixed efficiency to either side: as
    much of the curve as the cut moves over, and so no width has to be chosen.

    Args:
        at: the fixed efficiency, or several.
        fixed: that efficiency along the ROC curve, not falling from 0 to 1, (point,).
        read: the other kind's efficiency there, (point,).
        n_fixed: events of the kind whose efficiency is fixed.
    """
    sigma = np.sqrt(at * (1 - np.asarray(at)) / n_fixed)
    low, high = np.maximum(at - sigma, 0), np.minimum(at + sigma, 1)
    rise = np.abs(np.interp(high, fixed, read) - np.interp(low, fixed, read))
    width = high - low  # less than 2 sigma only at an end of the curve; zero where sigma is
    return rise * np.divide(sigma, width, out=np.zeros_like(width), where=width > 0)


def efficiency_error(at: float | Floats, fixed: Floats, read: Floats, *, n_fixed: int, n_read: int) -> Floats:
    """One standard deviation of an efficiency read where another is fixed: counted, and of the cut.

    Args:
        at: the fixed efficiency, or several.
        fixed: that efficiency along the ROC curve, not falling from 0 to 1, (point,).
        read: the other kind's efficiency there, (point,).
        n_fixed: events of the kind whose efficiency is fixed.
        n_read: events of the other kind.
    """
    value = np.interp(at, fixed, read)
    return np.hypot(np.sqrt(value * (1 - value) / n_read), error_of_cut(at, fixed, read, n_fixed))
