"""What `raysearch doctor` finds about Ray: the token, a Ray that runs here already, a cluster at an address.

This file imports no Ray; :mod:`raysearch.cluster.doctor_connect` does, in a process of its own.
"""

from __future__ import annotations

import os
import pwd
import shlex
from collections.abc import Iterator
from pathlib import Path

from raysearch.cluster.doctor import Finding, ask_child, fault, ok, warning
from raysearch.cluster.doctor_storage import may_be_written, nearest
from raysearch.cluster.environment import TOKEN
from raysearch.errors import FolderError, ResourceError

NODE_PROGRAM = "raylet"  # one on each node


def token(address: str | None) -> Iterator[Finding]:
    """Look at the token that keeps strangers out of Ray, which itself is never shown.

    Args:
        address: of a cluster, to which this machine needs its token; None if Ray may make a new one.
    """
    mode = os.environ.get("RAY_AUTH_MODE", "")
    if mode not in {"", "token"}:
        found = f"RAY_AUTH_MODE is {mode!r} in the environment: whoever reaches Ray's ports could run commands as you"
        yield fault("token", found, "unset RAY_AUTH_MODE")
    if not TOKEN.exists():
        yield from _no_token(address)
        return
    quoted, facts, folder = shlex.quote(str(TOKEN)), TOKEN.stat(), TOKEN.parent.stat()
    if facts.st_uid != os.getuid():
        yield fault(
            "token", f"{TOKEN} belongs to another user", f"delete {quoted}, and make it again as yourself"
        )
    elif facts.st_mode & 0o077:
        yield fault(
            "token", f"{TOKEN} can be read by others, who could run commands as you", f"chmod 600 {quoted}"
        )
    elif not TOKEN.is_file() or not facts.st_size:
        yield fault(
            "token",
            f"{TOKEN} holds no token",
            f"delete {quoted}; Ray makes it again, or copy it from the head",
        )
    elif folder.st_mode & 0o022:
        yield fault(
            "token", f"{TOKEN.parent} can be written by others, who could change the token", _close_folder()
        )
    elif folder.st_mode & 0o055:
        yield warning("token", f"{TOKEN.parent} can be looked into by others", _close_folder())
    elif mode in {"", "token"}:
        yield ok("token", f"{TOKEN}, yours alone")


def _close_folder() -> str:
    return f"chmod 700 {shlex.quote(str(TOKEN.parent))}"


def _no_token(address: str | None) -> Iterator[Finding]:
    if address is not None:
        yield fault("token", f"{TOKEN} is not there", f"copy it from the head of {address}, and chmod 600 it")
    elif error := may_be_written(nearest(TOKEN.parent)):
        found = f"{TOKEN} is not there and cannot be made: {error.strerror or error}"
        yield fault("token", found, "set HOME to a folder that you may write", FolderError.exit_code)
    else:
        yield ok("token", f"{TOKEN} is not there yet; the first study makes it")


def running() -> Iterator[Finding]:
    """Name every Ray node that runs on this machine, and whose it is."""
    found, foreign = [], False
    for folder in sorted(Path("/proc").glob("[0-9]*"), key=lambda each: int(each.name)):
        if Path(_command(folder)[0]).name != NODE_PROGRAM:
            continue
        try:
            owner, parent = _user(folder.stat().st_uid), _parent(folder)
        except OSError:  # it ended just now
            continue
        of_study = any("raysearch" in word for word in _command(parent))
        foreign = foreign or not of_study
        found.append(f"{NODE_PROGRAM} {folder.name} of {owner}{', a raysearch study' if of_study else ''}")
    if not found:
        yield ok("ray here", "no Ray runs on this machine")
    elif foreign:
        advice = "a study starts its own beside it; end yours if you do not need it: `ray stop` ends all that are yours"
        yield warning("ray here", f"shares CPUs and memory with your studies: {'; '.join(found)}", advice)
    else:
        yield ok("ray here", "; ".join(found))


def cluster(address: str) -> Iterator[Finding]:
    """Connect to a cluster with this machine's token, and count what it has."""
    advice = "is it up, is the address right, and is this machine's token the head's?"
    try:
        answer = ask_child("doctor_connect", address)
    except ResourceError as error:
        yield fault("address", f"{address}: {error}", advice)
        return
    if "problem" in answer:
        yield fault("address", answer["problem"], advice)
        return
    there = answer["resources"]
    figures = f"{there.get('CPU', 0):g} CPUs, {there.get('GPU', 0):g} GPUs"
    yield ok("address", f"{address}: {len(answer['nodes'])} nodes, {figures}: {', '.join(answer['nodes'])}")


def _command(folder: Path) -> list[str]:
    try:
        return (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return [""]


def _parent(folder: Path) -> Path:
    after_name = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
    return folder.parent / after_name[1]


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"
