"""Six kinds of credentials, every known way for a command to fail: none is printed, stored or an argument."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_runs import raysearch
from toy import MIRRORED, create_ledger, start
from waiting import FAR_AWAY_S, wait_for

from raysearch.ledger.ledger import FILE_NAME
from raysearch.tracking.mirror import LOG

SECRET = "S3cr3tCanary"
ADDRESS = f"ray://alice:{SECRET}Address@127.0.0.1:1"


def secrets(port: int = 1) -> dict[str, str]:
    """An environment full of them; at ``port`` there should be an MLflow."""
    return {
        "MLFLOW_TRACKING_URI": f"http://alice:{SECRET}Uri@127.0.0.1:{port}",
        "MLFLOW_TRACKING_PASSWORD": f"{SECRET}Password",
        "MLFLOW_TRACKING_TOKEN": f"{SECRET}Token",
        "AWS_ACCESS_KEY_ID": f"{SECRET}Key",
        "AWS_SECRET_ACCESS_KEY": f"{SECRET}Aws",
        "RAY_AUTH_TOKEN": f"{SECRET}Ray",
    }


def assert_kept(folder: Path, *texts: str) -> None:
    """Neither texts nor files below ``folder`` hold a secret."""
    assert not [text for text in texts if SECRET in text]
    told = [path for path in folder.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert told == []


FAILING = {  # arguments, and the exit code
    "a space that is none": ("tune jedinett", 2),
    "a file that is not there": ("tune gone.yaml", 2),
    "a setting that is none": ("tune toy.yaml --set foo", 2),
    "a sampler that is none": ("tune toy.yaml --sampler tpee", 2),
    "data that is not there": ("tune jedinet --data nowhere", 2),
    "a name that leaves the folder": ("tune toy.yaml --name ../x", 2),
    "a folder that cannot be made": ("tune toy.yaml --runs toy.yaml/runs --local", 73),
    "a strategy that is none": ("evolve toy.yaml --strategy x", 2),
    "a damaged ledger": ("status broken", 74),
    "a damaged ledger to go on with": ("resume broken", 74),
    "a report of a damaged ledger": ("report broken", 74),
    "no such study": ("resume nothing", 2),
    "no such study to compare": ("compare nothing none", 2),
    "no such study to predict with": ("predict nothing --data x.h5 --out y.h5", 2),
    "no such study to export": ("export nothing --to torch", 2),
    "no such study to prune": ("prune nothing", 2),
    "no such study to validate": ("crossval nothing", 2),
    "no such study to bundle": ("bundle nothing", 2),
    "a bundle that is none": ("unbundle toy.yaml", 2),
    "a space file that is none": ("space check broken.yaml", 2),
    "a cluster file that is none": ("cluster check toy.yaml", 2),
    "a data file that is none": ("data check toy.yaml", 2),
    "a login for another's server": ("dashboard --login", 2),
    "an MLflow and a ledger that are not whole": ("doctor", 74),
}


@pytest.fixture
def full(toy_space: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with secrets in the environment."""
    for name, value in secrets().items():
        monkeypatch.setenv(name, value)
    create_ledger(tmp_path / "runs/broken").close()
    ledger = tmp_path / "runs/broken" / FILE_NAME
    ledger.write_bytes(ledger.read_bytes().replace(b"val_loss", b"val_l0ss"))
    (tmp_path / "broken.yaml").write_text("{[")
    return tmp_path


@pytest.mark.parametrize("case", FAILING)
def test_no_secret_in_what_a_failing_command_says(full: Path, case: str) -> None:
    arguments, code = FAILING[case]
    result = raysearch(full, *arguments.split())
    assert result.code == code, result.err
    assert result.err or result.out
    assert_kept(full, result.out, result.err)


@pytest.fixture
def refusing() -> Iterator[int]:
    """The port of an MLflow that refuses every login."""
    program = """from http.server import *
import sys
BaseHTTPRequestHandler.do_GET = BaseHTTPRequestHandler.do_POST = lambda self: self.send_error(401)
HTTPServer(("127.0.0.1", int(sys.argv[1])), BaseHTTPRequestHandler).serve_forever()
"""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with subprocess.Popen([sys.executable, "-c", program, str(port)], stderr=subprocess.DEVNULL) as server:
        yield port
        server.kill()


def arguments_of_all(folder: Path) -> dict[int, str]:
    """Of all processes working in ``folder``: the command, what it started, and mirrors, which outlive it."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # gone meanwhile
            if (process / "cwd").resolve() == folder.resolve():
                found[int(process.name)] = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("is_there", [False, True], ids=["dead", "refusing"])
def test_no_secret_of_a_study_whose_driver_is_killed(
    toy_space: Path, tmp_path: Path, refusing: int, is_there: bool
) -> None:
    """With its mirror, whose MLflow is dead or refuses the login, and then catching up, which fails too."""
    env = os.environ | secrets(refusing if is_there else 1)
    toy_space.write_text(toy_space.read_text().replace("\nspace:", "\nspace:\n  pause_s: 0.2"))
    process = start(tmp_path, "tune", "toy.yaml", "--name", "s", "--local", program=MIRRORED, env=env)
    log = tmp_path / "runs/s" / LOG
    arguments: list[str] = []

    def has_failed() -> bool:
        assert process.poll() is None
        arguments.extend(arguments_of_all(tmp_path).values())
        return log.exists() and b"did not take" in log.read_bytes()

    wait_for(has_failed, "a delivery that fails")
    [mirror] = [
        pid for pid, each in arguments_of_all(tmp_path).items() if "raysearch.tracking.mirror" in each
    ]
    process.send_signal(signal.SIGKILL)
    output, _ = process.communicate()
    os.kill(mirror, signal.SIGKILL)
    assert len(arguments) > 1
    shown = raysearch_process(tmp_path, env, "dashboard")
    assert "s: " in shown  # why it could not be delivered
    assert_kept(tmp_path, output, shown, *arguments)


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    ["cluster wait --nodes 1 --timeout 0", "tune toy.yaml --name s", "doctor"],
    ids=lambda text: text.split()[0],
)
def test_no_secret_of_an_address_that_cannot_be_used(toy_space: Path, tmp_path: Path, command: str) -> None:
    for address in (ADDRESS, ADDRESS.removeprefix("ray://")):
        process = start(tmp_path, *command.split(), "--address", address, env=os.environ | secrets())
        output, _ = process.communicate(timeout=FAR_AWAY_S)
        assert process.returncode == 69, output
        assert "127.0.0.1:1" in output
        assert_kept(tmp_path, output)


def raysearch_process(folder: Path, env: dict[str, str], *arguments: str) -> str:
    output, _ = start(folder, *arguments, env=env).communicate(timeout=FAR_AWAY_S)
    return str(output)


@pytest.mark.slow
def test_no_secret_when_the_port_is_taken(tmp_path: Path) -> None:
    env = (
        os.environ
        | secrets()
        | {"MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow.db?password={SECRET}Db"}
    )
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = raysearch_process(tmp_path, env, "dashboard", "--port", str(taken.getsockname()[1]))
    assert "cannot be listened on" in said
    assert_kept(tmp_path, said)
