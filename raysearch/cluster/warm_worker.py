"""What a worker of Ray imports before it is asked to carry a run out, while the driver checks the study.

Ray is told to (:mod:`raysearch.cluster.child_ray`). It imports no task: code of the user's own is run where a
run is, with what that may see.
"""

from raysearch.cluster import tune_trainable
from raysearch.training import by_gradient

__all__ = ["by_gradient", "tune_trainable"]
