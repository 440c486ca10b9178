"""The batch script of `raysearch cluster slurm`: shell that a linter accepts, and a study carried out by it.

Slurm itself is not here; `srun` and `scontrol` are stand-ins (cluster_stubs.py), all else is real.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cluster_stubs import write_slurm
from toy import TOY_SPACE, TOY_TASK, essence, start, surroundings
from waiting import FAR_AWAY_S

from raysearch.errors import InputError
from raysearch.ledger.history import History
from raysearch.ledger.ledger import FILE_NAME, read_entries
from raysearch.machines.cluster_files import SlurmJob, slurm_script

JOB = SlurmJob(nodes=2, cpus=1, time="1:00:00")
COMMAND = ["tune", "toy.yaml", "--name", "s"]


def last_command(script: str) -> str:
    return next(line.strip() for line in reversed(script.splitlines()) if "raysearch" in line)


@pytest.mark.parametrize(
    "job", [JOB, SlurmJob(nodes=4, cpus=8, gpus=2, time="2-0", partition="p", account="a")]
)
def test_shellcheck_finds_nothing(job: SlurmJob, tmp_path: Path) -> None:
    checker = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if checker is None:
        pytest.skip("shellcheck is not installed")
    (tmp_path / "slurm.sh").write_text(slurm_script(job, ["jedinet"]))
    result = subprocess.run([checker, "slurm.sh"], cwd=tmp_path, check=False)
    assert result.returncode == 0


def test_what_is_asked_for_is_in_the_head() -> None:
    script = slurm_script(SlurmJob(nodes=4, cpus=8, gpus=2, time="2-0", partition="p", account="a"), COMMAND)
    head = [line.removeprefix("#SBATCH ") for line in script.splitlines() if line.startswith("#SBATCH")]
    assert {
        "--nodes=4",
        "--cpus-per-task=8",
        "--gpus-per-node=2",
        "--time=2-0",
        "--partition=p",
        "--account=a",
    } <= {*head}
    assert {"--requeue", "--signal=B:USR1@120"} <= {*head}
    assert "--num-gpus=2" in script
    assert "gpus-per-node" not in slurm_script(JOB, COMMAND)


@pytest.mark.parametrize(
    ("command", "written"),
    [
        (["tune", "jedinet", "--name", "x"], "raysearch tune jedinet --name x --resume --address"),
        (["evolve", "e.yaml", "--name=x", "--resume"], "raysearch evolve e.yaml --name=x --resume --address"),
        (["resume", "x", "--trials", "+5"], "raysearch resume x --trials +5 --address"),
        (
            ["tune", "it's.yaml", "--name", "x"],
            """raysearch tune 'it'"'"'s.yaml' --name x --resume --address""",
        ),
    ],
)
def test_every_command_goes_on_when_carried_out_again(command: list[str], written: str) -> None:
    assert last_command(slurm_script(JOB, command)).startswith(written)


def test_a_study_without_a_name_gets_one_that_stays() -> None:
    line = last_command(slurm_script(JOB, ["jedinet"]))
    assert line.startswith("raysearch tune jedinet --name jedinet-2")
    assert "$" not in line.split("--address")[0]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ([], "say what to carry out"),
        (["tunee", "jedinet"], "Did you mean 'tune'?"),
        (["report", "x"], "one of tune, evolve, crossval, resume"),
        (["tune", "jedinet", "--local"], "--local: the script says itself"),
        (["tune", "jedinet", "--address=auto"], "the script says itself"),
        (["tune", "--trials", "5"], "right after it"),
        (["tune", "jedinet", "--name", "x\n#SBATCH --uid=0"], "--name"),
    ],
)
def test_other_commands_are_refused(command: list[str], said: str) -> None:
    with pytest.raises(InputError) as raised:
        slurm_script(JOB, command)
    assert said in str(raised.value)


def test_all_wrong_values_are_told_at_once() -> None:
    with pytest.raises(InputError) as raised:
        slurm_script(SlurmJob(nodes=1, cpus=1, time="soon", partition="a b", account="$(id)"), COMMAND)
    assert [problem.split()[0] for problem in raised.value.problems] == ["--time", "--partition", "--account"]


class Submitted:
    """The script as a job, as sbatch would start it."""

    def __init__(self, folder: Path, job_id: int) -> None:
        self.folder, self.job_id = folder, job_id
        self.log = folder / "job.log"
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                ["bash", "slurm.sh"],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={
                    **surroundings(folder),
                    "PATH": f"{folder}/bin:{os.environ['PATH']}",
                    "SLURM_JOB_ID": str(job_id),
                    "PYTHONPATH": os.pathsep.join(sys.path),
                },
            )

    def wait_for(self, is_so: Callable[[], bool]) -> None:
        while self.process.poll() is None and not is_so():
            time.sleep(0.01)
        assert is_so(), self.log.read_text()

    def end(self) -> int:
        code = self.process.wait(timeout=FAR_AWAY_S)
        left = [
            path.name
            for path in (*self.folder.glob(".raysearch-*"), *Path("/tmp").glob(f"rs-{self.job_id}-*"))
        ]
        assert left == []
        assert still_running(f"/tmp/rs-{self.job_id}-") == []
        return code


def still_running(mark: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if mark in line:
            found.append(line[:200])
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    space = TOY_SPACE.format(task=TOY_TASK).replace("\nsearch:", "\n  pause_s: 0.02\nsearch:")
    (tmp_path / "toy.yaml").write_text(space)
    (tmp_path / "slurm.sh").write_text(slurm_script(JOB, COMMAND))
    write_slurm(tmp_path / "bin")
    printed, _ = (process := start(tmp_path, "tune", "toy.yaml", "--name", "here", "--local")).communicate()
    assert process.returncode == 0, printed
    return tmp_path


@pytest.mark.ray_cluster
def test_two_jobs_on_the_same_nodes_do_not_meet_and_give_what_is_found_here(folder: Path) -> None:
    other = folder.with_name("other")
    shutil.copytree(folder, other)
    number = 7_100_000 + os.getpid()
    jobs = [Submitted(folder, number), Submitted(other, number + 10_000)]
    for job in jobs:
        token = job.folder / f".raysearch-{job.job_id}/token"
        job.wait_for(lambda: "trial 0 started" in job.log.read_text())  # noqa: B023 - called at once
        assert (token.stat().st_mode & 0o777, token.stat().st_size) == (0o600, 64)
        assert token.parent.stat().st_mode & 0o777 == 0o700
        assert token.read_text() not in "".join(still_running(str(job.job_id)))
    for job in jobs:
        assert job.end() == 0, job.log.read_text()
        assert "2 machines" in job.log.read_text()
        assert essence(job.folder / "runs/s") == essence(folder / "runs/here")


@pytest.mark.ray_cluster
def test_a_node_whose_ray_fails_to_start_starts_it_again(folder: Path) -> None:
    script, ray = folder / "slurm.sh", folder / "bin/ray-once-broken"
    ray.write_text(
        '#!/bin/bash\n[[ $* != *--address=* ]] || ! mkdir broken 2>/dev/null || exit 3\nexec ray "$@"\n'
    )
    ray.chmod(0o755)
    text = script.read_text()
    assert text.count('ray start "${options[@]}" &') == 1
    script.write_text(text.replace('ray start "${options[@]}" &', 'ray-once-broken start "${options[@]}" &'))
    job = Submitted(folder, 7_400_000 + os.getpid())
    assert job.end() == 0, job.log.read_text()
    assert (folder / "broken").is_dir()
    assert "2 machines" in job.log.read_text()
    assert "ray start ended with 3, attempt 1 of 3" in next(folder.glob("*-ray.log")).read_text()


@pytest.mark.faults
def test_out_of_time_it_is_requeued_cancelled_it_is_not_and_goes_on_both_times(folder: Path) -> None:
    ledger, job_id = folder / "runs/s" / FILE_NAME, 7_200_000 + os.getpid()

    def has_records(n_records: int) -> Callable[[], bool]:
        return lambda: ledger.exists() and ledger.read_bytes().count(b"\n") >= n_records

    job = Submitted(folder, job_id)
    job.wait_for(has_records(12))
    job.process.send_signal(signal.SIGUSR1)
    assert job.end() == 143, job.log.read_text()
    assert (folder / "scontrol.log").read_text() == f"requeue {job_id}\n"
    done = History(read_entries(folder / "runs/s")).n_committed
    assert done < 8

    job = Submitted(folder, job_id)  # as Slurm does with a job that is back in the queue
    job.wait_for(has_records(ledger.read_bytes().count(b"\n") + 8))
    job.process.send_signal(signal.SIGTERM)
    assert job.end() == 143, job.log.read_text()
    assert (folder / "scontrol.log").read_text() == f"requeue {job_id}\n"
    assert History(read_entries(folder / "runs/s")).n_committed < 8

    job = Submitted(folder, job_id)
    assert job.end() == 0, job.log.read_text()
    history = History(read_entries(folder / "runs/s"))
    assert len(history.sessions) == 3
    assert essence(folder / "runs/s") == essence(folder / "runs/here")


@pytest.mark.faults
def test_a_node_that_never_comes_ends_the_job_in_time(folder: Path) -> None:
    script = folder / "slurm.sh"
    script.write_text(script.read_text().replace("N_NODES=${SLURM_JOB_NUM_NODES:-2}", "N_NODES=1"))
    script.write_text(script.read_text().replace('wait --nodes "$N_NODES"', "wait --nodes 2"))
    script.write_text(script.read_text().replace("READY_S:-300", "READY_S:-60"))
    job = Submitted(folder, 7_300_000 + os.getpid())
    assert job.end() == 69, job.log.read_text()
    assert "2 machines are wanted, 1 are there after 60 s" in job.log.read_text()
    assert not (folder / "runs/s").exists()
