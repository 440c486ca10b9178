"""What `raysearch doctor` finds about Ray: the token, a Ray that runs here already, a cluster at an address.

This file imports no Ray; :mod:`raysearch.cluster.child_connect` does, in a process of its own.
"""

from __future__ import annotations

import os
import pwd
import shlex
from collections.abc import Iterator
from pathlib import Path

from raysearch.cluster.child import ask_child
from raysearch.cluster.environment import token_path
from raysearch.doctor.findings import Finding, fault, ok, warning
from raysearch.doctor.storage import may_be_written, nearest
from raysearch.errors import FolderError, ResourceError

NODE_PROGRAM = "raylet"  # one on each node


def token(address: str | None) -> Iterator[Finding]:
    """Look at the token that keeps strangers out of Ray, which itself is never shown.

    Args:
        address: of a cluster, to which this machine needs its token; None if Ray may make a new one.
    """
    mode = os.environ.get("RAY_AUTH_MODE", "")
    if mode not in {"", "token"}:
        danger = "whoever reaches Ray's ports could run commands as you"
        found = f"RAY_AUTH_MODE is {mode!r} in the environment: {danger}"
        yield fault("token", found, "unset RAY_AUTH_MODE")
    if os.environ.get("RAY_AUTH_TOKEN"):
        yield ok("token", "from the environment: RAY_AUTH_TOKEN")
        return
    path = token_path()
    yield from _token_file(path) if path.exists() else _no_token(path, address)


def _token_file(path: Path) -> Iterator[Finding]:
    quoted, facts, folder = shlex.quote(str(path)), path.stat(), path.parent
    close_folder = f"chmod 700 {shlex.quote(str(folder))}"
    # From the worst to the harmless: one line is told, the one to act on first.
    if facts.st_uid != os.getuid():
        yield fault(
            "token", f"{path} belongs to another user", f"delete {quoted}, and make it again as yourself"
        )
    elif facts.st_mode & 0o077:
        yield fault(
            "token", f"{path} can be read by others, who could run commands as you", f"chmod 600 {quoted}"
        )
    elif not path.is_file() or not path.read_bytes().strip():
        advice = f"delete {quoted}; a study makes it again, or copy it from the cluster's head"
        yield fault("token", f"{path} holds no token", advice)
    elif folder.stat().st_mode & 0o022:
        yield fault("token", f"{folder} can be written by others, who could change the token", close_folder)
    elif folder.stat().st_mode & 0o055:
        yield warning("token", f"{folder} can be looked into by others", close_folder)
    else:
        yield ok("token", f"{path}, yours alone")


def _no_token(path: Path, address: str | None) -> Iterator[Finding]:
    if address is not None:
        yield fault("token", f"{path} is not there", f"copy it from the head of {address}, and chmod 600 it")
    elif os.environ.get("RAY_AUTH_TOKEN_PATH"):
        yield fault(
            "token",
            f"{path} (RAY_AUTH_TOKEN_PATH) is not there",
            "unset RAY_AUTH_TOKEN_PATH, or make the file",
        )
    elif error := may_be_written(nearest(path.parent)):
        found = f"{path} is not there and cannot be made: {error.strerror or error}"
        yield fault("token", found, "set HOME to a folder that you may write", FolderError.exit_code)
    else:
        yield ok("token", f"{path} is not there yet; the first study makes it")


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
        # A study's own Ray is the child of its driver; it ends with it and is nothing to warn of.
        of_study = any("raysearch" in word for word in _command(parent))
        foreign = foreign or not of_study
        found.append(f"{NODE_PROGRAM} {folder.name} of {owner}{', a raysearch study' if of_study else ''}")
    if not found:
        yield ok("ray here", "no Ray runs on this machine")
    elif foreign:
        advice = "a study starts its own beside it; end this one if it is yours and not needed"
        yield warning("ray here", f"shares CPUs and memory with your studies: {'; '.join(found)}", advice)
    else:
        yield ok("ray here", "; ".join(found))


def cluster(address: str) -> Iterator[Finding]:
    """Connect to a cluster with this machine's token, and count what it has."""
    advice = "is it up, is the address right, and is this machine's token the head's?"
    try:
        # A wrong token or another version of Ray can end the whole process.
        answer = ask_child("child_connect", address)
    except ResourceError as error:
        yield fault("address", f"{address}: {error}", advice)
        return
    if "problem" in answer:
        yield fault("address", answer["problem"], advice)
        return
    there, nodes = answer["resources"], answer["nodes"]
    count = f"{len(nodes)} node{'s' if len(nodes) > 1 else ''}"
    figures = f"{there.get('CPU', 0):g} CPUs, {there.get('GPU', 0):g} GPUs"
    yield ok("address", f"{address}: {count}, {figures}: {', '.join(nodes)}")


def _command(folder: Path) -> list[str]:
    try:
        return (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return [""]


def _parent(folder: Path) -> Path:
    # The name stands in brackets and may hold blanks and brackets itself.
    after_name = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
    return folder.parent / after_name[1]


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"
