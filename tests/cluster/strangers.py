"""A stranger tries every door of a Ray that was started as the cluster file says, in a network of its own.

A program of its own, for it is the first process of a PID namespace. It starts the head and a study on it,
finds every TCP port that anything of both listens on, and calls without a token and with a wrong one every
gRPC method that is named in Ray's programs, and every route of Ray's dashboards by every method. Prints what
was not refused, as JSON.
"""

from __future__ import annotations

import contextlib
import http.client
import importlib
import json
import logging
import os
import pkgutil
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import grpc
import ray
import ray.dashboard.http_server_agent
import ray.dashboard.http_server_head
from listening import Door, doors
from ray._private.runtime_env.agent import main as runtime_env_agent
from ray.dashboard import modules
from ray.dashboard.optional_utils import DashboardAgentRouteTable, DashboardHeadRouteTable
from ray.dashboard.subprocesses.routes import SubprocessRouteTable

WRONG = "Bearer " + "0" * 64
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
REFUSED = {grpc.StatusCode.UNAUTHENTICATED.name, grpc.StatusCode.UNIMPLEMENTED.name}
PROGRAMS = ("core/src/ray/raylet/raylet", "core/src/ray/gcs/gcs_server", "_raylet.so")
RPC = rb"/(?:ray\.[A-Za-z.]+|opentelemetry[A-Za-z0-9.]+|grpc\.[A-Za-z0-9.]+)/[A-Z][A-Za-z]+"
SYNC = "/ray.rpc.syncer.RaySyncer/StartSync"
NODE = ("node_id", "0" * 56)
WAIT_S = 1800.0


def main(head: str, address: str, folder: Path) -> None:
    """Carry it out.

    Args:
        head: the command that starts the head.
        address: of the head.
        folder: with ``toy.yaml``, whose task makes ``folder/trains`` when it trains.
    """
    subprocess.run(["bash", "-c", head], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    command = [sys.executable, "-m", "raysearch.cli.main", "tune", "toy.yaml", "--name", "s"]
    with (folder / "study.log").open("w") as log:
        study = subprocess.Popen([*command, "--address", address], cwd=folder, stdout=log, stderr=log)
    deadline = time.monotonic() + WAIT_S
    while not (folder / "trains").exists():
        if study.poll() is not None or time.monotonic() > deadline:
            sys.exit((folder / "study.log").read_text())
        time.sleep(0.1)
    found = sorted(doors(os.getpid()))
    with ThreadPoolExecutor(4) as pool:
        tried = list(pool.map(try_door, found))
    still = doors(os.getpid())  # Ray ends workers that have had nothing to do for a while
    answers = [asdict(door) | answer for door, answer in zip(found, tried, strict=True) if door in still]
    is_alive = study.poll() is None
    known = {"routes": len(routes()), "rpcs": len(rpcs())}
    (port,) = [door.port for door in found if door.program == "gcs_server"]
    print(json.dumps({"doors": answers, "is_alive": is_alive, "head_ends": head_ends(port), **known}))


def try_door(door: Door) -> dict[str, Any]:
    """What kind of door it is, and what it lets a stranger do."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(door.address, door.address)
    answers = dict(_calls(f"[{host}]:{door.port}" if ":" in host else f"{host}:{door.port}"))
    if set(answers.values()) & REFUSED:
        return {"kind": "grpc", "lets": {what: code for what, code in answers.items() if code not in REFUSED}}
    if (answer := _request(host, door.port, "GET", "/metrics")) is None:
        return {"kind": "other", "lets": {}}
    if answer == (200, b"# HELP"):  # what Prometheus collects; the same for every path, and nothing to write
        writes = {method: _request(host, door.port, method, "/") for method in METHODS[2:6]}
        wrote = {method: got for method, got in writes.items() if got is None or got[0] != 405}
        return {"kind": "metrics", "lets": {method: str(got) for method, got in wrote.items()}}
    return {"kind": "http", "lets": dict(_requests(host, door.port))}


def head_ends(port: int) -> bool:
    """Whether a call of SYNC that names no node ends the head, before it asks for a token."""
    channel = grpc.insecure_channel(f"127.0.0.1:{port}", [("grpc.enable_http_proxy", 0)])
    with channel, contextlib.suppress(grpc.RpcError):
        channel.unary_unary(SYNC, lambda sent: sent, lambda got: got)(b"", timeout=120)
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:  # it writes its stack down first
        try:
            socket.create_connection(("127.0.0.1", port), timeout=120).close()
        except OSError:
            return True
        time.sleep(0.1)
    return False


def rpcs() -> list[str]:
    """Every gRPC method that is named in Ray's programs or its Python, as /service/method."""
    package = Path(ray.__file__).parent
    files = [*(package / name for name in PROGRAMS), *package.glob("core/generated/*_grpc.py")]
    return sorted({name.decode() for file in files for name in re.findall(RPC, file.read_bytes())})


def routes() -> list[str]:
    """Every path that Ray's dashboards know, with something in the place of parameters."""
    logging.disable()
    for module in pkgutil.walk_packages(modules.__path__, modules.__name__ + "."):
        if ".tests" not in module.name:
            importlib.import_module(module.name)
    tables = (DashboardAgentRouteTable, DashboardHeadRouteTable, SubprocessRouteTable)
    paths = {path for table in tables for of_method in table._bind_map.values() for path in of_method}
    paths |= set(re.findall(r'add_\w+\(\s*"(/[^"]*)"', Path(runtime_env_agent.__file__).read_text()))
    return sorted(re.sub(r"\{[^}]*\}", "x", path) for path in paths | {"/static/x", "/metrics", "/nothing"})


def _calls(address: str) -> Iterator[tuple[str, str]]:
    """Call every gRPC method with a stranger's empty request; yields what was answered, the worse of two."""
    with grpc.insecure_channel(address, [("grpc.enable_http_proxy", 0)]) as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=20)
        except grpc.FutureTimeoutError:
            return
        for name in rpcs():
            call = channel.unary_unary(name, lambda sent: sent, lambda got: got)
            node = [NODE] if name == SYNC else []  # see head_ends
            codes = []
            for token in ([], [("authorization", WRONG)]):
                try:
                    call(b"", timeout=2 if name.startswith("/grpc.") else 20, metadata=node + token)
                    codes.append("OK")
                except grpc.RpcError as error:
                    codes.append(error.code().name)
            yield name, next((code for code in codes if code not in REFUSED), codes[0])


def _requests(host: str, port: int) -> Iterator[tuple[str, list[int | None]]]:
    """Send every request; yields what is not answered with 401, or with 403 to a wrong token."""
    for path in routes():
        for method in METHODS:
            answers = [_request(host, port, method, path, token) for token in (None, WRONG)]
            codes = [answer and answer[0] for answer in answers]
            if codes != [401, 403]:
                yield f"{method} {path}", codes


def _request(
    host: str, port: int, method: str, path: str, token: str | None = None
) -> tuple[int, bytes] | None:
    """Status and first bytes of an answer, or None."""
    connection = http.client.HTTPConnection(host, port, timeout=20)
    try:
        connection.request(method, path, headers={"Authorization": token} if token else {})
        answer = connection.getresponse()
        return answer.status, answer.read(6)
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
