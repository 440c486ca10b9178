"""A stranger tries every door of a Ray that was started as the cluster file says, in a network of its own.

A program of its own, for it is the first process of a PID namespace. It starts the head and a study on it, finds every
TCP port that anything of both listens on, and calls without a token and with a wrong one every gRPC method that
is named in Ray's programs, and every route of Ray's dashboards by every method. Prints what was not refused, as JSON.
"""

from __future__ import annotations

import http.client
import importlib
import json
import logging
import os
import pkgutil
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import grpc
import ray
from listening import Door, doors

WRONG = "Bearer " + "0" * 64
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
REFUSED = {grpc.StatusCode.UNAUTHENTICATED.name, grpc.StatusCode.UNIMPLEMENTED.name}
PROGRAMS = ("core/src/ray/raylet/raylet", "core/src/ray/gcs/gcs_server", "_raylet.so")
WAIT_S = 120.0


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
        tried = list(pool.map(lambda door: asdict(door) | try_door(door), found))
    print(
        json.dumps(
            {
                "doors": tried,
                "routes": len(routes()),
                "rpcs": len(rpcs()),
                "still": study.poll(),
                "log": (folder / "study.log").read_text(),
            }
        )
    )


def try_door(door: Door) -> dict[str, Any]:
    """What kind of door it is, and what it lets a stranger do."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(door.address, door.address)
    answers = dict(_calls(f"[{host}]:{door.port}" if ":" in host else f"{host}:{door.port}"))
    if set(answers.values()) & REFUSED:
        return {"kind": "grpc", "lets": {what: code for what, code in answers.items() if code not in REFUSED}}
    if _request(host, door.port, "GET", "/", {}) is not None:
        return {"kind": "http", "lets": dict(_requests(host, door.port))}
    return {"kind": "other", "lets": {}}


def rpcs() -> list[str]:
    """Every gRPC method that is named in Ray's programs or its Python, as /service/method."""
    package = Path(ray.__file__).parent
    found = set()
    for name in [*PROGRAMS, *package.glob("core/generated/*_grpc.py")]:
        found |= set(
            re.findall(
                rb"/(?:ray\.[A-Za-z.]+|opentelemetry[A-Za-z0-9.]+|grpc\.[A-Za-z0-9.]+)/[A-Z][A-Za-z]+",
                (package / name).read_bytes(),
            )
        )
    return sorted(each.decode() for each in found)


def routes() -> list[str]:
    """Every path that Ray's dashboards know, with something in the place of parameters."""
    logging.disable()
    import ray.dashboard.http_server_agent
    import ray.dashboard.http_server_head
    import ray.dashboard.modules as modules
    from ray._private.runtime_env.agent import main as agent
    from ray.dashboard.optional_utils import DashboardAgentRouteTable, DashboardHeadRouteTable
    from ray.dashboard.subprocesses.routes import SubprocessRouteTable

    for module in pkgutil.walk_packages(modules.__path__, modules.__name__ + "."):
        if ".tests" not in module.name:
            importlib.import_module(module.name)
    tables = (DashboardAgentRouteTable, DashboardHeadRouteTable, SubprocessRouteTable)
    paths = {path for table in tables for of_method in table._bind_map.values() for path in of_method}
    paths |= set(re.findall(r'add_\w+\(\s*"(/[^"]*)"', Path(str(agent.__file__)).read_text()))
    return sorted(re.sub(r"\{[^}]*\}", "x", path) for path in paths | {"/static/x", "/metrics", "/nothing"})


def _calls(address: str) -> Iterator[tuple[str, str]]:
    """Call every gRPC method; a stranger's empty request."""
    with grpc.insecure_channel(address, [("grpc.enable_http_proxy", 0)]) as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=5)
        except grpc.FutureTimeoutError:
            return
        for name in rpcs():
            call = channel.unary_unary(name, lambda sent: sent, lambda got: got)
            for metadata in ((), (("authorization", WRONG),)):
                try:
                    call(b"", timeout=5, metadata=metadata)
                    code = "OK"
                except grpc.RpcError as error:
                    code = error.code().name
                    if code not in REFUSED:
                        code += " " + error.details()
                if code not in REFUSED or not metadata:
                    yield name, code


def _requests(host: str, port: int) -> Iterator[tuple[str, int]]:
    """Send every request; yields those that are not answered with 401, or 403 to a wrong token."""
    for path in routes():
        for method in METHODS:
            without = _request(host, port, method, path, {})
            wrong = _request(host, port, method, path, {"Authorization": WRONG})
            if (without, wrong) != (401, 403):
                yield f"{method} {path}", without or 0


def _request(host: str, port: int, method: str, path: str, headers: dict[str, str]) -> int | None:
    connection = http.client.HTTPConnection(host, port, timeout=10)
    try:
        connection.request(method, path, headers=headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
