"""Whether all nodes of a cluster see the study's folder: each writes a file there and reads every other's."""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from raysearch.cluster.nodes import alive_nodes, ask_nodes
from raysearch.errors import FolderError
from raysearch.files import sync

LIMIT_S = 60.0  # for all nodes to write, and again for all to read
LATE_S = 10.0  # how late a network's file system may show a file that another node wrote


def check_shared(folder: Path, limit_s: float = LIMIT_S) -> None:
    """Prove that every alive node reads and writes a folder; nothing to prove on a cluster of one node.

    Args:
        folder: of a study; it is there.
        limit_s: how long all nodes may take to write, and again to read.

    Raises:
        FolderError: some nodes do not; all of them are named.
    """
    nodes = alive_nodes()
    if len(nodes) < 2:
        return
    # The other nodes have another working directory.
    folder = folder.resolve()
    # A name that no file of before can have, or a node would find what an earlier proof left.
    meeting = folder / f".nodes-{secrets.token_hex(8)}"
    try:
        meeting.mkdir(mode=0o700)
    except OSError as error:
        raise FolderError(f"{folder}: cannot be written: {error.strerror}") from error
    try:
        wrote = ask_nodes(_write, nodes, limit_s, str(meeting))
        writers = sorted(node for node, failure in wrote.items() if failure is None)
        # After all have written; who could not is at fault already.
        saw = ask_nodes(_missing, writers, limit_s, str(meeting), writers)
        here = _missing(str(meeting), writers, "")
    finally:
        shutil.rmtree(meeting, ignore_errors=True)
    if faults := judge(nodes, wrote, saw, here):
        wish = f"{folder} must lie on storage that all nodes share; choose another folder with --runs"
        raise FolderError("\n".join([wish, *faults]))


def judge(
    nodes: Mapping[str, str], wrote: Mapping[str, str | None], saw: Mapping[str, Any], here: list[str]
) -> list[str]:
    """Name the nodes that do not share the folder.

    Args:
        nodes: name of each node by its id.
        wrote: by node, why it could not write; None if it could.
        saw: by node that wrote, the nodes whose files it did not find, or why it could not look.
        here: the nodes whose files are not found where the study is carried out.

    Returns:
        A line for each node at fault.
    """
    faults = [f"{nodes[node]}: cannot write there: {failure}" for node, failure in wrote.items() if failure]
    for node, missing in saw.items():
        if isinstance(missing, str):
            faults.append(f"{nodes[node]}: cannot read there: {missing}")
        elif node in here:
            faults.append(f"{nodes[node]}: what it writes there is not seen here; it has a folder of its own")
        elif unseen := [nodes[other] for other in missing if other not in here]:
            faults.append(f"{nodes[node]}: does not see what was written by {', '.join(unseen)}")
    return faults


def _write(folder: str, node: str) -> str | None:
    """Write this node's file; why it cannot be written, or None."""
    try:
        with Path(folder, node).open("xb") as file:
            file.write(node.encode())
            sync(file)
    except OSError as error:
        return error.strerror or str(error)
    return None


def _missing(folder: str, writers: list[str], _: str) -> list[str]:
    """The nodes whose files are not found, or do not hold what they should."""
    deadline = time.monotonic() + LATE_S
    missing = list(writers)
    while missing := [node for node in missing if not _holds(Path(folder, node), node)]:
        if time.monotonic() > deadline:
            break
        time.sleep(0.1)
    return missing


def _holds(path: Path, text: str) -> bool:
    try:
        return path.read_text(encoding="utf-8") == text
    except OSError:
        return False
