"""The login of the server that ``raysearch dashboard --login`` runs: one account, a password nobody chose.

The password stands in a file of its own beside the database, which only its owner may read, and stays the
same until the file is deleted. It travels in environments, never in arguments.
"""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from raysearch.errors import FolderError, ResourceError

FILE_NAME = "mlflow-password"
USER = "raysearch"
N_BYTES = 32
LEAST_LENGTH = 22  # letters of base64 that hold 128 bits


@dataclass(frozen=True)
class Login:
    """A user, the password, and the file that it stands in."""

    file: Path
    password: str = field(repr=False)
    user: str = USER


def login_in(folder: Path) -> Login:
    """Return the login that stands in ``folder``, made now if there is none.

    Raises:
        FolderError: the file cannot be written or read.
        ResourceError: others may read the file, it is not the user's own, or what it holds is too short for a
            password.
    """
    file = folder / FILE_NAME
    try:
        # O_EXCL: of two that begin together one makes it, and both read the same. O_NOFOLLOW: no link laid
        # there beforehand may choose the file.
        with suppress(FileExistsError):
            made = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with os.fdopen(made, "w", encoding="ascii") as new:
                new.write(secrets.token_urlsafe(N_BYTES) + "\n")
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), encoding="ascii") as held:
            facts = os.fstat(held.fileno())  # of the file that is read, whatever the name means by now
            password = held.read(1000).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise FolderError(f"{file}: cannot be used for a password: {error}") from error
    if facts.st_uid != os.getuid() or stat.S_IMODE(facts.st_mode) & 0o077:
        raise ResourceError(f"{file}: others may read it; delete it, and a new password is made")
    if len(password) < LEAST_LENGTH:
        raise ResourceError(f"{file}: too short for a password; delete it, and a new one is made")
    return Login(file, password)
