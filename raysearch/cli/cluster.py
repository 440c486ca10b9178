"""``raysearch cluster``: files that a cluster is made with, their check, and the wait until it is there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from raysearch.cli.once import App

app = App(help="Write and check files for ray up and Slurm.", no_args_is_help=True, rich_markup_mode=None)
init = App(help="Write a commented file to begin with.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(init, name="init")

Force = Annotated[bool, typer.Option("--force", help="Write over a file that is there.")]
ClusterName = Annotated[str | None, typer.Option("--name", help="Name of the cluster.")]
Nodes = Annotated[int, typer.Option("--nodes", min=1, help="How many machines.")]
Cpus = Annotated[int, typer.Option("--cpus", min=1, help="CPUs of each machine.")]
Gpus = Annotated[int, typer.Option("--gpus", min=0, help="GPUs of each machine.")]
Time = Annotated[
    str, typer.Option("--time", help="Time limit, such as 12:00:00; a longer study goes on by itself.")
]
Partition = Annotated[str | None, typer.Option("--partition", help="Slurm's partition.")]
Account = Annotated[str | None, typer.Option("--account", help="Slurm's account.")]
Out = Annotated[Path, typer.Option("--out", "-o", help="File to write.")]
What = Annotated[
    list[str],
    typer.Argument(
        metavar="SPACE | -- COMMAND", help="A space file, or what follows `raysearch`: -- tune jedinet -n 50"
    ),
]


@init.command("local")
def init_local(
    out: Out = Path("cluster.yaml"),
    name: ClusterName = None,
    head: Annotated[str | None, typer.Option("--head", help="Address of the head.")] = None,
    worker: Annotated[
        list[str] | None, typer.Option("--worker", help="Address of a worker; once for each.")
    ] = None,
    user: Annotated[str | None, typer.Option("--user", help="Who logs in, on all machines.")] = None,
    key: Annotated[str | None, typer.Option("--key", help="Private ssh key on this machine.")] = None,
    force: Force = False,
) -> None:
    """Write a file for `ray up` on machines that you reach by ssh."""
    from raysearch.machines.cluster_files import LocalMachines, local_file

    machines = LocalMachines(
        **_given(name=name, head=head, workers=tuple(worker) if worker else None, user=user, key=key)
    )
    _write(out, local_file(machines), force=force)
    typer.echo(f"fill in what is marked <--, then: raysearch cluster check {out}")


@init.command("aws")
def init_aws(
    out: Out = Path("aws.yaml"),
    name: ClusterName = None,
    region: Annotated[str | None, typer.Option("--region", help="AWS region.")] = None,
    cidr: Annotated[
        str | None, typer.Option("--cidr", help="From where ssh is let in, such as 203.0.113.7/32.")
    ] = None,
    group: Annotated[str | None, typer.Option("--group", help="Id of the security group.")] = None,
    profile: Annotated[str | None, typer.Option("--profile", help="Instance profile of the head.")] = None,
    image: Annotated[str | None, typer.Option("--image", help="Id of the machine image.")] = None,
    storage: Annotated[str | None, typer.Option("--storage", help="Id of the EFS file system.")] = None,
    head_type: Annotated[str | None, typer.Option("--head-type", help="Instance type of the head.")] = None,
    worker_type: Annotated[
        str | None, typer.Option("--worker-type", help="Instance type of workers.")
    ] = None,
    workers: Annotated[int | None, typer.Option("--workers", min=0, help="How many workers.")] = None,
    force: Force = False,
) -> None:
    """Write a file for `ray up` on machines of Amazon EC2."""
    from raysearch.machines.cluster_files import AwsMachines, aws_file

    given = _given(
        name=name,
        region=region,
        cidr=cidr,
        group=group,
        profile=profile,
        image=image,
        storage=storage,
        head_type=head_type,
        worker_type=worker_type,
        n_workers=workers,
    )
    _write(out, aws_file(AwsMachines(**given)), force=force)
    typer.echo(f"fill in what is marked <--, then: raysearch cluster check {out}")


@init.command("slurm")
def init_slurm(
    out: Out = Path("slurm.sh"),
    nodes: Nodes = 2,
    cpus: Cpus = 8,
    gpus: Gpus = 0,
    time: Time = "12:00:00",
    partition: Partition = None,
    account: Account = None,
    force: Force = False,
) -> None:
    """Write a batch script for Slurm that carries out the study of JEDI-net; like `cluster slurm jedinet`."""
    slurm(["jedinet"], nodes, cpus, gpus, time, partition, account, out, force)


@app.command()
def slurm(
    command: What,
    nodes: Nodes,
    cpus: Cpus,
    gpus: Gpus = 0,
    time: Time = "12:00:00",
    partition: Partition = None,
    account: Account = None,
    out: Out = Path("slurm.sh"),
    force: Force = False,
) -> None:
    """Write a Slurm batch script that carries a study out on several machines, and goes on when requeued."""
    from raysearch.machines.cluster_files import SlurmJob, slurm_script

    job = SlurmJob(nodes=nodes, cpus=cpus, gpus=gpus, time=time, partition=partition, account=account)
    _write(out, slurm_script(job, command), force=force)
    typer.echo(f"submit it in a folder that all machines see: sbatch {out}")


@app.command()
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file for `ray up`.")],
    connect: Annotated[
        bool, typer.Option("--connect", help="Try the ssh port of every machine too.")
    ] = False,
) -> None:
    """Check a file for `ray up`; all faults and warnings at once, exit code 2 if there are faults."""
    from raysearch.errors import InputError
    from raysearch.machines.check_file import check_cluster_file
    from raysearch.machines.this_machine import warnings

    checked = check_cluster_file(file)
    if checked.is_well_formed:
        for warning in warnings(checked.content, connect=connect):
            typer.echo(f"warning: {warning}", err=True)
    if checked.faults:
        raise InputError(*checked.faults)
    typer.echo(f"{file}: good")


@app.command()
def down(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file that `ray up` was given.")],
) -> None:
    """End the cluster of a file on all of its machines; a study that runs there is saved before.

    Ray of other clusters is left alone. Exit code 69 if a machine does not answer or something is left; it
    says what.
    """
    from raysearch.machines.take_down import take_down

    take_down(file, say=typer.echo)


@app.command("wait")
def wait(
    nodes: Nodes,
    address: Annotated[
        str, typer.Option("--address", envvar="RAY_ADDRESS", help="HOST:PORT of the head, or 'auto' on it.")
    ],
    timeout: Annotated[float, typer.Option("--timeout", min=0, help="Seconds to wait.")] = 300.0,
) -> None:
    """Wait until so many machines have joined a cluster; exit code 69 if they do not."""
    from raysearch.cluster.environment import prepare_environment

    prepare_environment(address)  # Ray reads it when it is imported
    from raysearch.cluster.nodes import wait_for_nodes

    names = wait_for_nodes(address, nodes, timeout)
    typer.echo(f"{len(names)} machines: {', '.join(names)}", err=True)


def _given(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _write(path: Path, text: str, *, force: bool) -> None:
    """Write a file that only its owner reads.

    Raises:
        InputError: it is there and must not be written over, or its folder is not.
    """
    from raysearch.errors import InputError

    flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if force else os.O_EXCL)
    try:
        with os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise InputError(
            f"{path} is there already; give another --out, or --force to write over it"
        ) from error
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from error
    typer.echo(f"wrote {path}")
