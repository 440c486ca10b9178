"""A task's step carried out on several parts of a batch, side by side: at each loss they wait for each other.

So the gradients of a large batch can be computed part by part. A task with several networks takes several
steps in a batch, each with the weights that the one before has left; if its step were simply called for one
part after another, the first parts would be computed with other weights than the last.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from greenlet import getcurrent, greenlet

from raysearch.errors import InputError


class SideBySide:
    """Parts of one batch at a time.

    Args:
        end_step: called when all parts have come to a loss, with the optimiser's name.
    """

    def __init__(self, end_step: Callable[[str], None]) -> None:
        self._end_step = end_step
        self._is_alone = True

    def run(self, parts: Sequence[Callable[[], None]], enter: Callable[[int], None]) -> None:
        """Carry out a step.

        Args:
            parts: the task's step, for each of them.
            enter: called with a part's place before it goes on.

        Raises:
            InputError: the parts do not come to the same losses.
        """
        self._is_alone = len(parts) == 1
        if self._is_alone:
            enter(0)
            parts[0]()
            return
        running = [greenlet(part) for part in parts]
        while True:
            reached = []
            for place, part in enumerate(running):
                enter(place)
                reached.append(part.switch())
            if len(set(reached)) > 1:
                named = " and ".join(sorted("the end" if name is None else repr(name) for name in {*reached}))
                raise InputError(
                    f"space.accumulate: parts of one batch have come to {named} of the task's step; its "
                    "order of losses must not depend on the rows"
                )
            if reached[0] is None:
                return
            self._end_step(reached[0])

    def loss_is_down(self, of: str) -> None:
        """Wait for the other parts, after the backward pass of an optimiser's loss; then step."""
        if self._is_alone:
            self._end_step(of)
        else:
            parent = getcurrent().parent
            assert parent is not None  # or run would not have started this part
            parent.switch(of)
