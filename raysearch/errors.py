"""Every error that reaches a user, each with the exit code the command line ends with.

An error says where, what and what is allowed. Errors about input collect all faults, so that one
correction round is enough.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


class RaysearchError(Exception):
    """Base of all errors raised on purpose; its text is shown to the user as it stands."""

    exit_code = 1


class TooManyFailedError(RaysearchError):
    """The study is finished, but more of its trials failed than was allowed."""

    exit_code = 1


class InputError(RaysearchError):
    """The user's input is wrong: command line, space file, settings or data."""

    exit_code = 2

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class SettingsRefusedError(InputError):
    """A task does not take these values of its settings, alone or beside each other."""


class NoFinishedTrialError(RaysearchError):
    """The study ended without one finished trial."""

    exit_code = 3


class FinalTestError(RaysearchError):
    """The search is over, but the task failed when its best model was applied to the test set."""

    exit_code = 2


# From here on the numbers of BSD's sysexits.h, which schedulers and scripts know: 69 is "unavailable", 73
# "cannot create", 74 "input/output error", 75 "try again later".
class ResourceError(RaysearchError):
    """Something that was asked for is not there: a GPU, a cluster, a port."""

    exit_code = 69


class FolderError(RaysearchError):
    """The study's folder cannot be created or written."""

    exit_code = 73


class StorageError(RaysearchError):
    """Storage failed, is full, or holds damaged records."""

    exit_code = 74


class WeightsGoneError(StorageError):
    """A checkpoint that a study keeps is gone or damaged; a resume trains it again, to the same bits."""


class ChangedError(StorageError):
    """Data or code that a study's results come from are not what its ledger says; everything is saved.

    No fault of a run, and so no outcome of one: the study stops, and goes on once they are put back.
    """

    exit_code = 2  # as for input that was wrong from the beginning


class DiskBudgetError(StorageError):
    """A study's files have outgrown its disk budget; it stopped with everything saved."""


class StudyBusyError(RaysearchError):
    """Another process holds the study."""

    exit_code = 75


class StoppedError(RaysearchError):
    """A signal stopped the study with everything saved; 128 + the signal's number."""

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal_number  # as a shell tells of a process that a signal has ended


def did_you_mean(word: str, allowed: Iterable[str]) -> str:
    """Name the nearest allowed word, or nothing: `` Did you mean 'epochs'?``."""
    close = difflib.get_close_matches(word, list(allowed), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""


def one_of(allowed: Sequence[str]) -> str:
    """List what is allowed: ``one of a, b, c``."""
    return "one of " + ", ".join(allowed)
