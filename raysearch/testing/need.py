"""How a contract says that it is not kept: to the author of a task, with what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn, TypeVar

from raysearch.errors import InputError

T = TypeVar("T")


class BrokenContractError(AssertionError):
    """A task does not keep its contract; the message says what to do."""


def need(fulfilled: bool, advice: str) -> None:
    """Go on if a condition is fulfilled.

    Raises:
        BrokenContractError: it is not.
    """
    if not fulfilled:
        raise BrokenContractError(advice)


def tried(what: str, call: Callable[[], T]) -> T:
    """Call something that must not fail.

    Args:
        what: the begin of a sentence that goes on with "fails".
        call: to be called.

    Raises:
        BrokenContractError: it raised something; that is the cause.
    """
    try:
        return call()
    except BrokenContractError:
        raise  # told already
    except Exception as error:  # noqa: BLE001 - whatever a task raises
        _tell(what, error)


def tried_or_refused(what: str, call: Callable[[], T]) -> T | None:
    """Call something that may be refused, by an :class:`InputError` of one line; then give None.

    Raises:
        BrokenContractError: it raised something else, or a refusal that is no line.
    """
    try:
        return call()
    except InputError as error:
        lines = [line for line in str(error).splitlines() if line.strip()]
        need(
            len(lines) == len(error.problems) >= 1,
            f"{what} is refused with {str(error)!r}; say why in one line",
        )
        return None
    except BrokenContractError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a task raises
        _tell(what, error)


def _tell(what: str, error: Exception) -> NoReturn:
    raise BrokenContractError(f"{what} fails: {type(error).__name__}: {error}") from error
