"""Write what machines are asked for with: files for `ray up`, on one's own or Amazon's, and for Slurm."""

from __future__ import annotations

import re
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from raysearch import __version__
from raysearch.errors import InputError, did_you_mean, one_of
from raysearch.machines.check_doors import FILL_IN

TEMPLATES = Path(__file__).parent / "templates"
CARRIED_OUT = ("tune", "evolve", "crossval", "resume")  # commands that take --address
HERE_ONLY = ("--address", "--local")
# Values go into YAML and shell as they are: nothing that either could read as its own gets in.
FORMS = {  # of values that are written into a file, with the form in words
    "--name": (r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", "up to 64 letters, digits, '.', '_' or '-'"),
    "--head": (r"[A-Za-z0-9][A-Za-z0-9.:-]*", "an address or host name"),
    "--worker": (r"[A-Za-z0-9][A-Za-z0-9.:-]*", "an address or host name"),
    "--user": (r"[A-Za-z_][A-Za-z0-9._-]*", "a user's name"),
    "--key": (r"[A-Za-z0-9_~./@+-]+", "a path without blanks"),
    "--region": (r"[a-z0-9-]+", "a region such as eu-central-1"),
    "--cidr": (r"[0-9a-fA-F.:]+/\d+", "addresses such as 203.0.113.7/32"),
    "--group": (r"sg-\w+", "sg- and its number"),
    "--profile": (r"[A-Za-z0-9+=,.@_-]+", "an instance profile's name"),
    "--image": (r"ami-\w+", "ami- and its number"),
    "--storage": (r"fs-\w+", "fs- and its number"),
    "--head-type": (r"[a-z0-9.-]+", "a type such as m7i.large"),
    "--worker-type": (r"[a-z0-9.-]+", "a type such as c7i.4xlarge"),
    "--time": (r"(\d+-)?\d+(:\d+){0,2}", "minutes, HH:MM:SS or DAYS-HH:MM:SS"),
    "--partition": (r"[A-Za-z0-9._,-]+", "a partition's name"),
    "--account": (r"[A-Za-z0-9._-]+", "an account's name"),
}


@dataclass(frozen=True, kw_only=True)
class LocalMachines:
    """Machines that are reached by ssh; where nothing is given, an example or a word to be filled in."""

    name: str = "raysearch"
    head: str = "192.0.2.10"
    workers: tuple[str, ...] = ("192.0.2.11", "192.0.2.12")
    user: str = FILL_IN
    key: str = "~/.ssh/id_ed25519"


@dataclass(frozen=True, kw_only=True)
class AwsMachines:
    """Machines of Amazon EC2."""

    name: str = "raysearch"
    region: str = FILL_IN
    cidr: str = "203.0.113.7/32"
    group: str = f"sg-{FILL_IN}"
    profile: str = FILL_IN
    image: str = f"ami-{FILL_IN}"
    storage: str = f"fs-{FILL_IN}"
    head_type: str = "m7i.large"
    worker_type: str = "c7i.4xlarge"
    n_workers: int = 2


@dataclass(frozen=True, kw_only=True)
class SlurmJob:
    """What a Slurm job asks for; GPUs and CPUs are each node's."""

    nodes: int
    cpus: int
    time: str
    gpus: int = 0
    partition: str | None = None
    account: str | None = None


def local_file(machines: LocalMachines) -> str:
    """Text of the file for machines reached by ssh.

    Raises:
        InputError: values that could not stand in it; all of them.
    """
    _check(
        {
            "--name": [machines.name],
            "--head": [machines.head],
            "--worker": machines.workers,
            "--user": [machines.user],
            "--key": [machines.key],
        }
    )
    return _fill(
        "cluster-local.yaml",
        {
            "NAME": machines.name,
            "HEAD": machines.head,
            "WORKERS": ", ".join(machines.workers),
            "USER": machines.user,
            "KEY": machines.key,
            "N_WORKERS": str(len(machines.workers)),
        },
    )


def aws_file(machines: AwsMachines) -> str:
    """Text of the file for machines of Amazon EC2. Raises as :func:`local_file`."""
    placeholders = set(vars(AwsMachines()).values())
    given = {
        "--name": machines.name,
        "--region": machines.region,
        "--cidr": machines.cidr,
        "--group": machines.group,
        "--profile": machines.profile,
        "--image": machines.image,
        "--storage": machines.storage,
        "--head-type": machines.head_type,
        "--worker-type": machines.worker_type,
    }
    # A placeholder stays for the user to fill in; the check of the file names those that are left.
    _check({option: [value] for option, value in given.items() if value not in placeholders})
    return _fill(
        "cluster-aws.yaml",
        {key.upper(): str(value) for key, value in vars(machines).items()}
        | {"WHEEL": f"raysearch-{__version__}-py3-none-any.whl"},
    )


def slurm_script(job: SlurmJob, command: Sequence[str]) -> str:
    """Text of a batch script that carries a command of raysearch out on all nodes of a Slurm job.

    Args:
        job: what to ask for.
        command: a space file's name or path, or a whole command such as ``tune jedinet --name x``.

    Raises:
        InputError: no such command, or values that could not stand in the script; all of them.
    """
    words, name = _resumable(command)
    more = {
        "--gpus-per-node": job.gpus or None,
        "--partition": job.partition,
        "--account": job.account,
    }
    _check(
        {"--time": [job.time], "--name": [name]}
        | {
            key: [value]
            for key, value in {"--partition": job.partition, "--account": job.account}.items()
            if value is not None
        }
    )
    text = _fill(
        "slurm.sh",
        {
            "NAME": name,
            "NODES": str(job.nodes),
            "CPUS": str(job.cpus),
            "GPUS": str(job.gpus),
            "TIME": job.time,
            "BIN": shlex.quote(str(Path(sys.executable).parent)),
            "COMMAND": shlex.join(words),
            "MORE": "\n".join(f"#SBATCH {key}={value}" for key, value in more.items() if value is not None),
        },
    )
    return text.replace("\n\n# USR1", "\n# USR1")  # nothing more to ask for


def _resumable(command: Sequence[str]) -> tuple[list[str], str]:
    """The command, so that it goes on when carried out again, and the study's name."""
    words = list(command)
    if not words:
        raise InputError("say what to carry out: a space file, or -- and a command of raysearch")
    if words[0] not in CARRIED_OUT:
        if len(words) > 1:
            hint = did_you_mean(words[0], CARRIED_OUT)
            raise InputError(
                f"{words[0]}: is no command that runs on a cluster; {one_of(CARRIED_OUT)}.{hint}"
            )
        words = ["tune", *words]
    for word in words:
        if word.partition("=")[0] in HERE_ONLY:
            raise InputError(f"{word}: the script says itself where to run; leave it out")
    name = _option(words, "--name")
    if words[0] == "resume":
        return words, name or (words[1] if len(words) > 1 else "")
    if name is None:
        target = Path(words[1]).stem if len(words) > 1 and not words[1].startswith("-") else ""
        if not target:
            raise InputError(f"{words[0]}: name what it is to carry out right after it")
        # Fixed now: the job is requeued with the same script, and must find the same study.
        name = f"{target}-{time.strftime('%Y%m%d-%H%M%S')}"
        words += ["--name", name]
    # Slurm may start the script again, after a lost node or at its time limit.
    return [*words, *(() if "--resume" in words else ("--resume",))], name


def _option(words: Sequence[str], name: str) -> str | None:
    for word, following in zip(words, (*words[1:], ""), strict=True):
        if word == name:
            return following
        if word.startswith(f"{name}="):
            return word.partition("=")[2]
    return None


def _check(given: Mapping[str, Sequence[str]]) -> None:
    problems = [
        f"{option} {value!r}: must be {FORMS[option][1]}"
        for option, values in given.items()
        for value in values
        if not re.fullmatch(FORMS[option][0], value)
    ]
    if problems:
        raise InputError(*problems)


def _fill(template: str, values: Mapping[str, str]) -> str:
    text = (TEMPLATES / template).read_text(encoding="utf-8")
    return re.sub(r"@([A-Z_]+)@", lambda found: values[found[1]], text)
