"""What a class must define to be a task; a user's file is told in one go all that is to be done."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from raysearch.tasks.task import Task

# Of a pair a task defines one at least
EITHER = {
    "optimizer(settings, parameters)": "optimizers(settings, model) if there are several",
    "loss(model, batch)": "step(descent, batch) if a batch is more than one step down one loss",
}
# Methods of version 0.1.0 that nobody calls any more, and what to write instead
GONE = {
    "other_data": "is now to_score(paths, settings, described)",
    "other_data_like": "is now to_score(paths, settings, described)",
}


def contract_problems(kind: type[Task[Any]]) -> list[str]:
    """Tell what a task's class lacks, and what it has that nobody calls."""
    return [f"task: {kind.__name__}{problem}" for problem in _problems(kind)]


def _problems(kind: type[Task[Any]]) -> Iterator[str]:
    missing = sorted(getattr(kind, "__abstractmethods__", ()))
    if missing:
        yield f" does not define {', '.join(missing)}"
    for one, other in EITHER.items():
        if not any(defines(kind, method.partition("(")[0]) for method in (one, other)):
            yield f" defines neither {one} nor {other}"
    for method, change in GONE.items():
        if hasattr(kind, method):
            yield f".{method} {change}"
    if not missing and not any(takes(kind.predict, n) for n in (3, 4)):
        yield ".predict must take (model, batch, chance)"


def defines(kind: type[Task[Any]], method: str) -> bool:
    """Whether a task has a method of its own where ``Task`` has one that only refuses, or a default."""
    return getattr(kind, method) is not getattr(Task, method)


def takes(function: Any, n_arguments: int) -> bool:  # noqa: ANN401 - any callable
    """Whether a function can be called with so many arguments by place, ``self`` among them."""
    try:
        inspect.signature(function).bind(*[None] * n_arguments)
    except TypeError:
        return False
    return True
