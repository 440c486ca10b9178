"""Who listens where: the sockets of a process and of all that it started, from /proc."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LISTENS = "0A"  # in /proc/net/tcp


@dataclass(frozen=True, order=True)
class Door:
    """A TCP socket that listens; its process by the name that says most."""

    program: str
    address: str
    port: int


def doors(pid: int) -> set[Door]:
    """Where a process and all that it started listen, in this network namespace."""
    found = set()
    sockets = dict(_listening())
    for process in descendants(pid):
        for handle in _links(process / "fd"):
            if handle.startswith("socket:[") and handle[8:-1] in sockets:
                found.add(Door(program(process), *sockets[handle[8:-1]]))
    return found


def descendants(pid: int) -> set[Path]:
    """A process and all that it started, as folders of /proc."""
    parents = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(process.name)] = int((process / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:  # it ended just now
            continue
    found = {pid}
    while new := {child for child, parent in parents.items() if parent in found} - found:
        found |= new
    return {Path("/proc", str(each)) for each in found}


def program(process: Path) -> str:
    """Name of a process: the Python file or module that it runs, ``worker`` for Ray's, or the program."""
    try:
        words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return ""
    if words[0].startswith("ray::"):
        return words[0].strip() if "Agent" in words[0] else "worker"
    if "python" not in Path(words[0]).name:
        return Path(words[0]).name
    if "-m" in words[:4]:
        return words[words.index("-m") + 1]
    return next((Path(word).name for word in words[1:4] if word.endswith(".py")), "python")


def _listening() -> Iterator[tuple[str, tuple[str, int]]]:
    """By the inode of each socket that listens, its address and port."""
    for name in ("tcp", "tcp6"):
        for line in Path("/proc/net", name).read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == LISTENS:
                host, _, port = words[1].partition(":")
                yield words[9], (_address(host), int(port, 16))


def _address(text: str) -> str:
    """An address as the kernel prints it: words of 4 bytes, each as this machine has it in memory."""
    packed = b"".join(struct.pack("=I", int(text[at : at + 8], 16)) for at in range(0, len(text), 8))
    if packed[:12] == b"\0" * 10 + b"\xff\xff":  # an IPv4 address on an IPv6 socket
        packed = packed[12:]
    return socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)


def _links(folder: Path) -> Iterator[str]:
    try:
        handles = list(folder.iterdir())
    except OSError:
        return
    for handle in handles:
        try:
            yield str(handle.readlink())
        except OSError:
            continue
