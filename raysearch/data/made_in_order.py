"""Blocks of generated data, made in several processes and handed on in the order asked for."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import TypeVar

from raysearch.errors import ResourceError

O = TypeVar("O")
B = TypeVar("B")


def made_in_order(
    make: Callable[[O], B],
    orders: Iterable[O],
    workers: int,
    noun: str,
    initializer: Callable[[], None] | None = None,
) -> Iterator[B]:
    """Blocks in the order asked for, a few ahead of the one that is waited for.

    Args:
        make: makes one; a function of a module.
        orders: what is asked for.
        workers: processes at a time.
        noun: what they make, such as ``jets``.
        initializer: called in each process before its first block.

    Raises:
        ResourceError: a process was killed.
    """
    # Fresh processes: a fork would copy threads of torch in any state.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=initializer)
    try:
        waiting = iter(orders)
        # Two for each worker: enough for none to wait, and no more blocks in memory than are written soon.
        ahead: list[Future[B]] = [pool.submit(make, order) for order in islice(waiting, 2 * workers)]
        while ahead:
            # In order, whichever is ready first: files have the same bytes with any number of workers.
            block = ahead.pop(0).result()
            ahead.extend(pool.submit(make, order) for order in islice(waiting, 1))
            yield block
    except BrokenProcessPool:
        raise ResourceError(
            f"a process that made {noun} was killed (out of memory?); try fewer workers"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def silence_libraries() -> None:
    """Send what a worker's libraries print, such as FastJet's banner, nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
