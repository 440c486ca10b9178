"""What `ray up` would stumble over on this machine: programs, keys, the token, folders too large to copy."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from raysearch.machines.check_file import TOKEN_PATH, parsed_commands

LARGEST_BYTES = 100 * 1000**2
MOST_FILES = 20_000
CONNECT_S = 3.0
SSH_PORT = 22
RAY_PROGRAMS = {"gcs_server", "raylet"}


def warnings(content: Mapping[str, Any], *, connect: bool = False) -> list[str]:
    """Say what stands in the way of `ray up` on this machine.

    Args:
        content: of a cluster file that was checked.
        connect: try the ssh port of every machine.
    """
    found = [*_programs(), *_keys(content), *_token(), *_mounts(content)]
    if content["provider"]["type"] == "local":
        found += _local(content)
        if connect:
            found += _unreachable(machines(content))
    return found


def machines(content: Mapping[str, Any]) -> list[str]:
    """Addresses of a local cluster's machines, the head first."""
    provider = content["provider"]
    return [provider["head_ip"], *(provider["worker_ips"] or [])]


def _programs() -> Iterator[str]:
    # `ray up` calls both.
    for name in ("ssh", "rsync"):
        if shutil.which(name) is None:
            yield f"{name} is not installed here (nor perhaps on the machines), `ray up` needs it"


def _keys(content: Mapping[str, Any]) -> Iterator[str]:
    key = (content.get("auth") or {}).get("ssh_private_key")
    if key:
        yield from _private(
            Path(key).expanduser(), f"auth.ssh_private_key {key}", "no machine can be reached"
        )


def _token() -> Iterator[str]:
    yield from _private(
        Path(TOKEN_PATH).expanduser(),
        f"the token {TOKEN_PATH}",
        "make it with: ray get-auth-token --generate",
    )


def _private(path: Path, what: str, otherwise: str) -> Iterator[str]:
    if not path.is_file():
        yield f"{what} is not there; {otherwise}"
    elif path.stat().st_mode & 0o077:
        yield f"{what} can be read by others; close it with: chmod 600 {path}"


def _mounts(content: Mapping[str, Any]) -> Iterator[str]:
    for remote, local in (content.get("file_mounts") or {}).items():
        path = Path(str(local)).expanduser()
        if remote == TOKEN_PATH:
            continue
        if not path.exists():
            yield f"file_mounts: {local} is not there, `ray up` would stop at it"
        elif (size := _size(path)) > LARGEST_BYTES:
            yield (
                f"file_mounts: {local} ({size / 1e6:.0f} MB or more) would be copied to every machine; "
                "data belong on storage that all of them share"
            )


def _size(path: Path) -> int:
    """Bytes of a file or folder, counted until they are too many."""
    total = 0
    for n_files, each in enumerate([path] if path.is_file() else path.rglob("*")):
        # Of a link itself: rsync copies links as links.
        total += each.lstat().st_size
        if total > LARGEST_BYTES or n_files > MOST_FILES:
            break
    return total


def _local(content: Mapping[str, Any]) -> Iterator[str]:
    if content.get("docker"):
        yield "docker does not work with provider.type local (ray#59905); install raysearch on the machines"
    if any(each.stops_ray() for _, each in parsed_commands(content)):
        yield "its commands stop every Ray on the machines, those of others and of other clusters too"
    n_workers, most = len(machines(content)) - 1, content.get("max_workers")
    if most is not None and most < n_workers:
        yield f"max_workers is {most}: of the {n_workers} machines in provider.worker_ips not all are used"
    here = [address for address in machines(content) if _is_here(address)]
    if here and ray_runs_here():
        yield f"a Ray runs on this machine ({here[0]}); `ray down` would end it with the cluster's"


def _is_here(address: str) -> bool:
    """Whether an address is this machine's: only then can a socket be bound to it."""
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(address, 0, type=socket.SOCK_DGRAM)[0]
        # UDP: bound to any free port, nothing is sent and nothing listens.
        with socket.socket(family, kind, protocol) as probe:
            probe.bind(place)
    except OSError:
        return False
    return True


def ray_runs_here() -> bool:
    """Whether a process of a Ray cluster runs on this machine, whoever's it is."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            program = path.read_bytes().split(b"\0", 1)[0].decode(errors="replace")
        except OSError:  # it ended just now
            continue
        # By the first word alone: others mention Ray in their arguments.
        if Path(program).name in RAY_PROGRAMS:
            return True
    return False


def _unreachable(addresses: list[str]) -> Iterator[str]:
    for address in addresses:
        try:
            socket.create_connection((address, SSH_PORT), timeout=CONNECT_S).close()
        except OSError as error:
            yield f"{address}: port {SSH_PORT} (ssh) does not answer: {error.strerror or error}"
