"""`cluster check`: what it writes itself passes, each open door is refused with its line, all at once."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from raysearch.cli.cluster import app
from raysearch.errors import InputError
from raysearch.machines.check_file import check_cluster_file, read_cluster_file
from raysearch.machines.cluster_files import AwsMachines, LocalMachines, aws_file, local_file
from raysearch.machines.shell_commands import simple_commands
from raysearch.machines.this_machine import ray_runs_here, warnings

ROOT = Path(__file__).parents[2]
LOCAL = local_file(LocalMachines(head="10.1.0.1", workers=("10.1.0.2", "10.1.0.3"), user="anna"))
AWS = aws_file(
    AwsMachines(
        region="eu-central-1",
        cidr="10.9.8.7/32",
        group="sg-0123",
        profile="raysearch-head",
        image="ami-0123",
        storage="fs-0123",
    )
)
GROUP, IMDS = (
    "SecurityGroupIds: [sg-0123]",
    "MetadataOptions: {HttpTokens: required, HttpPutResponseHopLimit: 1}",
)
PROFILE = "IamInstanceProfile: {Name: raysearch-head}"
RULES = """security_group:
    GroupName: mine
    IpPermissions: [{FromPort: 22, ToPort: 22, IpProtocol: tcp, IpRanges: [{CidrIp: 10.9.8.7/32}]}]
  region:"""
BAD = {  # what is changed in a good file, and what must be said of it
    "no token at the head": (LOCAL, "RAY_AUTH_MODE=token RAY_enable", "RAY_enable", "RAY_AUTH_MODE=token"),
    "token only spoken of": (
        LOCAL,
        "RAY_AUTH_MODE=token ray start --address",
        "echo RAY_AUTH_MODE=token; ray start --address",
        "RAY_AUTH_MODE=token",
    ),
    "token off": (LOCAL, "RAY_AUTH_MODE=token ray", "RAY_AUTH_MODE=disabled ray", "RAY_AUTH_MODE=token"),
    "token in a comment": (
        LOCAL,
        LOCAL[LOCAL.index("- for attempt") :],
        "- 'ray start --address=$RAY_HEAD_IP:6379 --disable-usage-stats # RAY_AUTH_MODE=token'",
        "RAY_AUTH_MODE=token",
    ),
    "hidden start": (
        LOCAL,
        "setup_commands:\n",
        "setup_commands:\n  - bash -c 'ray start --head'\n",
        "hides",
    ),
    "Ray's own start": (
        LOCAL,
        "worker_start_ray_commands:",
        "metadata: {}\nworker_setup_commands_:",
        "unknown key",
    ),
    "no start": (
        LOCAL,
        LOCAL[LOCAL.index("worker_start_ray_commands") :],
        "worker_start_ray_commands: []\n",
        "needs a `ray start --address`",
    ),
    "token not brought": (
        LOCAL,
        "  ~/.ray/auth_token: ~/.ray/auth_token\n",
        "  ~/x: ~/x\n",
        "bring the token",
    ),
    "token left open": (
        LOCAL,
        "chmod 600 ~/.ray/auth_token",
        "chmod 644 ~/.ray/auth_token",
        "close the token",
    ),
    "token closed on one side": (
        LOCAL,
        "setup_commands:\n  - chmod 700 ~/.ray && chmod 600 ~/.ray/auth_token\nhead_setup_commands: []",
        "head_setup_commands:\n  - chmod 600 ~/.ray/auth_token",
        "close the token",
    ),
    "dashboard for all": (LOCAL, "host=127.0.0.1", "host=10.1.0.1", "--dashboard-host is 10.1.0.1"),
    "dashboard unsaid": (LOCAL, "--dashboard-host=127.0.0.1", "", "--dashboard-host must be given"),
    "telemetry": (LOCAL, "6379 --disable-usage-stats", "6379", "--disable-usage-stats"),
    "second autoscaler": (LOCAL, "RAY_enable_autoscaler_v2=0 ", "", "ray#46204"),
    "more workers than machines": (LOCAL, "max_workers: 2", "max_workers: 3", "worker_ips names 2"),
    "least above most": (LOCAL, "max_workers: 2", "max_workers: 1", "max_workers only 1"),
    "a machine twice": (LOCAL, "10.1.0.2, 10.1.0.3", "10.1.0.2, 10.1.0.2", "there twice"),
    "head as worker": (LOCAL, "10.1.0.2, 10.1.0.3", "10.1.0.2, 10.1.0.1", "there twice"),
    "no user": (LOCAL, "  ssh_user: anna", "  ssh_public_key: x", "needs ssh_user"),
    "typo": (LOCAL, "max_workers:", "max_worker:", "Did you mean 'max_workers'?"),
    "typo inside": (LOCAL, "worker_ips:", "workers_ips:", "Did you mean 'worker_ips'?"),
    "wrong type": (LOCAL, "upscaling_speed: 1.0", "upscaling_speed: fast", "must be of type number, not str"),
    "no provider": (LOCAL, "  type: local", "  region: here", "needs type"),
    "no such provider": (LOCAL, "type: local", "type: cloud", "must be local or aws"),
    "twice": (LOCAL, "max_workers: 2", "max_workers: 2\nmax_workers: 2", "duplicate key"),
    "alias": (LOCAL, "cluster_name: raysearch", "cluster_name: &a raysearch", "anchors"),
    "example address": (LOCAL, "10.1.0.1", "192.0.2.10", "address of examples"),
    "password in a command": (LOCAL, "--head", "--head --redis-password=Tr0ub4dor", "holds a secret"),
    "password in the environment": (
        LOCAL,
        "- chmod",
        "- export MLFLOW_TRACKING_PASSWORD=Tr0ub4dor; chmod",
        "secret",
    ),
    "password in an address": (LOCAL, "- chmod", "- git clone https://me:Tr0ub4dor@host/x; chmod", "secret"),
    "password as a key": (
        LOCAL,
        "min_workers: 2",
        "metadata: {password: Tr0ub4dor}\nmin_workers: 2",
        "secret",
    ),
    "nested shell": (LOCAL, "- chmod", "- echo 'unfinished; chmod", "no shell would read it"),
    "rules of the group": (AWS, "region:", RULES, "SecurityGroupIds"),
    "no group": (AWS, GROUP, "KeyName: x", "takes ssh from the whole world"),
    "world in a rule": (AWS, "region:", RULES.replace("10.9.8.7/32", "0.0.0.0/0"), "open to the whole world"),
    "half the world": (
        AWS,
        "region:",
        RULES.replace("10.9.8.7/32", "128.0.0.0/1"),
        "open to the whole world",
    ),
    "world of IPv6": (AWS, "region:", RULES.replace("10.9.8.7/32", "'::/0'"), "open to the whole world"),
    "world in a command": (
        AWS,
        "- chmod",
        "- sudo ufw allow from 0.0.0.0/0; chmod",
        "open to the whole world",
    ),
    "IMDSv1": (AWS, IMDS, "MetadataOptions: {HttpTokens: optional}", "IMDSv2"),
    "IMDS unsaid": (AWS, IMDS, "KeyName: x", "IMDSv2"),
    "all rights": (AWS, PROFILE, "IamInstanceProfile: {Name: AdminRole}", "too powerful"),
    "many rights": (
        AWS,
        PROFILE,
        "IamInstanceProfile: {Arn: 'arn:aws:iam::123:instance-profile/PowerUser'}",
        "too powerful",
    ),
    "Ray's rights": (AWS, PROFILE, "KeyName: x", "all of EC2 and S3"),
    "credentials": (
        AWS,
        "region:",
        "aws_credentials: {aws_secret_access_key: Tr0ub4dor}\n  region:",
        "secret",
    ),
    "no region": (AWS, "  region: eu-central-1", "  use_internal_ips: true", "needs region"),
    "workers of types": (
        AWS,
        "max_workers: 2\nups",
        "max_workers: 1\nups",
        "the min_workers of all node types are 2",
    ),
    "workers of none": (
        AWS,
        "max_workers: 2\nups",
        "min_workers: 1\nmax_workers: 2\nups",
        "does nothing on aws",
    ),
    "own setup": (
        AWS,
        "    resources: {}\n",
        "    resources: {}\n    worker_setup_commands: [ls]\n",
        "close the token",
    ),
    "a head that is none": (AWS, "head_node_type: head", "head_node_type: boss", "head_node_type"),
}


def written(folder: Path, text: str) -> Path:
    path = folder / "c.yaml"
    path.write_text(text)
    return path


def faults(folder: Path, text: str) -> tuple[str, ...]:
    try:
        return check_cluster_file(written(folder, text)).faults
    except InputError as error:  # it cannot be read at all
        return error.problems


@pytest.mark.parametrize("text", [LOCAL, AWS], ids=["local", "aws"])
def test_what_it_writes_passes(text: str, tmp_path: Path) -> None:
    assert check_cluster_file(written(tmp_path, text)).faults == ()


@pytest.mark.parametrize("change", BAD, ids=BAD)
def test_each_open_door_is_refused(change: str, tmp_path: Path) -> None:
    text, before, after, said = BAD[change]
    assert before in text
    found = faults(tmp_path, text.replace(before, after, 1))
    assert said in "\n".join(found)
    assert "Tr0ub4dor" not in "\n".join(found)
    assert all(line.startswith(f"{tmp_path}/c.yaml") for line in found)


def test_the_line_is_named(tmp_path: Path) -> None:
    text = LOCAL.replace("10.1.0.2, 10.1.0.3", "10.1.0.2, 10.1.0.2")
    line = next(n for n, each in enumerate(text.splitlines(), 1) if "worker_ips" in each)
    assert faults(tmp_path, text)[0].endswith(
        f"c.yaml:{line}: provider.worker_ips.1: 10.1.0.2 is there twice"
    )


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    text = AWS
    for before, after in {
        "RAY_AUTH_MODE=token ": "",
        " --disable-usage-stats": "",
        GROUP: "KeyName: x",
        "max_workers: 2": "max_workers: 1",
        "upscaling_speed": "up_speed",
    }.items():
        text = text.replace(before, after)
    assert len(faults(tmp_path, text)) == 2 + 2 + 2 + 2 + 1


@pytest.mark.parametrize(
    ("path", "text"),
    [("cluster.yaml", local_file(LocalMachines())), ("docs/aws.yaml", aws_file(AwsMachines()))],
)
def test_the_files_of_the_project_are_what_init_writes_and_only_to_be_filled_in(path: str, text: str) -> None:
    assert (ROOT / path).read_text() == text
    found = check_cluster_file(ROOT / path).faults
    assert found
    assert all("filled in" in problem for problem in found)


def test_a_file_with_open_doors_can_be_read_to_end_its_cluster_one_without_form_cannot(
    tmp_path: Path,
) -> None:
    opened = LOCAL.replace("RAY_AUTH_MODE=token ", "")
    assert read_cluster_file(written(tmp_path, opened))["provider"]["head_ip"] == "10.1.0.1"
    with pytest.raises(InputError, match="needs type"):
        read_cluster_file(written(tmp_path, LOCAL.replace("  type: local", "  region: here")))


def test_commands_are_read_as_a_shell_does() -> None:
    text = (
        "ulimit -n 65536; export A=1 && B='x y' /opt/bin/ray start --head \\\n --port 1 | tee log # C=2\n"
        "ray status"
    )
    ulimit, start, tee, status = simple_commands(text)
    assert ulimit.words == ("ulimit", "-n", "65536")
    assert start.starts_ray()
    assert dict(start.variables) == {"A": "1", "B": "x y"}
    assert (start.option("--port"), start.option("--head"), start.option("--x")) == ("1", "", None)
    assert tee.words == ("tee", "log")
    assert not status.starts_ray()


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A machine on which nothing is wrong, and the content of a file that suits it."""
    for name in ("ssh", "rsync"):
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.touch(0o755)
    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray/auth_token").touch(0o600)
    (tmp_path / "key").touch(0o600)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin")
    monkeypatch.setenv("HOME", str(tmp_path))
    return check_cluster_file(written(tmp_path, LOCAL.replace("~/.ssh/id_ed25519", "~/key"))).content


def test_nothing_to_warn_of(machine: dict[str, Any]) -> None:
    assert warnings(machine) == []


def test_this_machine_is_looked_at(machine: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "bin/rsync").unlink()
    (tmp_path / ".ray/auth_token").unlink()
    (tmp_path / "key").chmod(0o644)
    (tmp_path / "jets").mkdir()
    with (tmp_path / "jets/large.h5").open("wb") as file:
        file.truncate(200_000_000)
    machine["file_mounts"] |= {"~/jets": "~/jets", "~/code": "nowhere"}
    machine["docker"] = {"image": "x", "container_name": "y"}
    machine["setup_commands"].append("true; ray stop")
    machine["max_workers"] = 1
    said = warnings(machine)
    for word in (
        "rsync",
        "get-auth-token",
        "chmod 600",
        "200 MB",
        "nowhere",
        "ray#59905",
        "every Ray",
        "not all",
    ):
        assert sum(word in line for line in said) == 1, (word, said)
    assert len(said) == 8


def test_another_ray_here_is_told_if_the_file_names_this_machine(machine: dict[str, Any]) -> None:
    process = subprocess.Popen(["raylet", "60"], executable="/bin/sleep")  # a process of that name is enough
    command_line = Path(f"/proc/{process.pid}/cmdline")
    while not command_line.read_bytes().startswith(b"raylet"):  # it is not yet while the program is loaded
        pass
    try:
        assert ray_runs_here()
        assert warnings(machine) == []
        machine["provider"]["head_ip"] = "127.0.0.1"
        assert ["`ray down` would end it" in line for line in warnings(machine)] == [True]
    finally:
        process.kill()
        process.wait()


def test_connect_tries_the_ssh_port(machine: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        open_port = server.getsockname()[1]
        monkeypatch.setattr("raysearch.machines.this_machine.SSH_PORT", open_port)
        machine["provider"] |= {"head_ip": "127.0.0.1", "worker_ips": ["127.0.0.2"]}
        machine["max_workers"] = 1
        said = [line for line in warnings(machine, connect=True) if "ssh" in line]
    assert [line.split(":")[0] for line in said] == ["127.0.0.2"]


@pytest.mark.usefixtures("machine")
def test_faults_and_warnings_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / ".ray/auth_token").unlink()
    path = written(tmp_path, LOCAL.replace("~/.ssh/id_ed25519", "~/key").replace("host=127.0.0.1", "host=x"))
    told = CliRunner().invoke(app, ["check", str(path)], standalone_mode=False)
    assert "warning: the token" in told.stderr
    assert isinstance(told.exception, InputError)
    assert "--dashboard-host is x" in str(told.exception)


def test_nothing_outside_is_asked(tmp_path: Path) -> None:
    """The check runs where there is no network at all."""
    if os.geteuid() or subprocess.run(["unshare", "-n", "true"], check=False).returncode:
        pytest.skip("needs the right to make a network of its own")
    import sys

    command = ["unshare", "-n", sys.executable, "-m", "raysearch.cli.main", "cluster", "check"]
    result = subprocess.run(
        [*command, str(written(tmp_path, LOCAL))], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert (result.returncode, result.stdout) == (0, f"{tmp_path}/c.yaml: good\n"), result.stderr
