"""What a driver leaves of its Ray, and what it says when Ray's head is gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from toy import TOY_SPACE, TOY_TASK, start
from waiting import wait_for

from raysearch.cluster.caretaker import processes_of
from raysearch.ledger.ledger import FILE_NAME, read_entries
from raysearch.ledger.study_records import Closed


def python(code: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], text=True, stdout=subprocess.PIPE
    )


@pytest.mark.parametrize("is_named", [True, False], ids=["named", "killed while Ray started"])
def test_what_a_killed_driver_leaves_is_taken_down(tmp_path: Path, is_named: bool) -> None:
    driver = python(
        "import os, sys, time; from pathlib import Path; from raysearch.cluster.caretaker import Caretaker\n"
        "temp = Path(sys.argv[1]); caretaker = Caretaker(temp)\n"
        "session = temp / f'session_2026_{os.getpid()}'; (session / 'logs').mkdir(parents=True)\n"
        f"caretaker.look_after(session) if {is_named} else None\n"
        "print(session, flush=True); time.sleep(1000)",
        tmp_path,
    )
    assert driver.stdout
    session = Path(driver.stdout.readline().strip())
    (tmp_path / "session_latest").symlink_to(session)
    with (session / "logs/worker.log").open("w") as log:
        worker = subprocess.Popen(["sleep", "1000"], stdout=log, start_new_session=True)
    agent = python("import time; time.sleep(1000)", f"--log-dir={session}/logs")
    stranger = python("import time; time.sleep(1000)", f"{session}0/logs/x".replace("session", "other"))
    assert {worker.pid, agent.pid} <= {*processes_of(session)}
    driver.kill()
    assert (worker.wait(), agent.wait()) == (-signal.SIGKILL, -signal.SIGKILL)
    wait_for(lambda: not session.exists())
    wait_for(lambda: not (tmp_path / "session_latest").is_symlink())
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()
    driver.wait()


def test_a_driver_that_goes_on_after_its_ray_is_left_alone(tmp_path: Path) -> None:
    driver = python(
        "import os, sys; from pathlib import Path; from raysearch.cluster.caretaker import Caretaker\n"
        "temp = Path(sys.argv[1]); care = Caretaker(temp); session = temp / 'session_1'; session.mkdir()\n"
        "log = (session / 'driver.log').open('w')\n"
        "care.look_after(session); care.finish(); print(session.exists())",
        tmp_path,
    )
    assert driver.communicate()[0] == "False\n"
    assert driver.returncode == 0


@pytest.fixture
def on_ray(tmp_path: Path) -> tuple[subprocess.Popen[str], Path]:
    """A study whose runs are under way on a Ray of its own, and the folder of Ray's session."""
    text = TOY_SPACE.format(task=TOY_TASK).replace("\nsearch:", "\n  pause_s: 1.0\nsearch:")
    (tmp_path / "toy.yaml").write_text(text.replace("epochs: 4", "epochs: 400"))
    process = start(tmp_path, "tune", "toy.yaml", "--name", "s", start_new_session=True)
    ledger = tmp_path / "runs/s" / FILE_NAME
    wait_for(lambda: process.poll() is not None or (ledger.exists() and b'"epoch"' in ledger.read_bytes()))
    assert process.poll() is None, process.stdout and process.stdout.read()
    temp = Path(os.environ.get("RAY_TMPDIR", "/tmp")) / "ray"
    (session,) = temp.glob(f"session_*_{process.pid}")
    return process, session


@pytest.mark.ray_cluster
def test_ten_seconds_after_a_kill_nothing_of_ray_is_left(on_ray: tuple[subprocess.Popen[str], Path]) -> None:
    process, session = on_ray
    assert len([*processes_of(session)]) >= 5
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    wait_for(lambda: not session.exists())
    assert not [*processes_of(session)]


@pytest.mark.faults
def test_a_dead_head_is_one_line_with_the_resume_command(
    on_ray: tuple[subprocess.Popen[str], Path], tmp_path: Path
) -> None:
    process, session = on_ray
    (head,) = (
        pid for pid in processes_of(session) if "gcs_server" in Path(f"/proc/{pid}/cmdline").read_text()
    )
    os.kill(head, signal.SIGKILL)
    output, _ = process.communicate()
    assert process.returncode == 69
    last = output.splitlines()[-1]
    assert last.startswith("raysearch: the head of the Ray cluster, 127.0.0.1:")
    assert last.endswith("does not answer any more; everything is saved; go on with: raysearch resume s")
    assert read_entries(tmp_path / "runs/s")[-1].record == Closed(reason="cluster lost")
    wait_for(lambda: not session.exists())


@pytest.mark.ray_cluster
def test_a_second_ctrl_c_on_ray_ends_at_once_and_leaves_nothing(
    on_ray: tuple[subprocess.Popen[str], Path], tmp_path: Path
) -> None:
    process, session = on_ray
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate()
    assert process.returncode in (130, 143), output
    assert "go on with: raysearch resume s" in output
    closed = read_entries(tmp_path / "runs/s")[-1].record
    assert isinstance(closed, Closed)
    assert closed.reason == "stopped"
    wait_for(lambda: not session.exists())
