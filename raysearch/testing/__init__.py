"""The contract of a task, for the tests of whoever writes one: subclass it, name a space file."""

from raysearch.testing.contract import TaskContract
from raysearch.testing.need import BrokenContractError

__all__ = ["BrokenContractError", "TaskContract"]
