"""Several machines out of one: namespaces with a network, processes, /tmp, /srv, home and sshd of their own.

A laptop with a bridge in its network, and hosts that hang on it by veth pairs. The network of the machine
that this runs on is never touched. Every machine ends when its stdin is closed, thus also when the process
that made it is killed, and the kernel removes its processes, mounts and interfaces with it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from waiting import FAR_AWAY_S

NAMESPACES = ("--mount", "--uts", "--ipc", "--net", "--pid")
NEW = ("unshare", "--fork", "--kill-child", "--mount-proc", *NAMESPACES)
PROGRAMS = ("ip", "mount", "nsenter", "ps", "rsync", "ssh", "ssh-keygen", "sshd", "tmux", "unshare")
TRY = "ip link add br0 type bridge && ip link add v0 type veth peer name v1 && mount -t tmpfs none /srv"
NETWORK = "10.77.0"
CHECKOUT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent  # python, raysearch and ray
PATH = f"{BIN}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SETTINGS = (f"PYTHONPATH={CHECKOUT}", "OMP_NUM_THREADS=1")
SSHD = """\
HostKey /tmp/etc/host_key
AuthorizedKeysFile /tmp/home/.ssh/authorized_keys
PidFile none
StrictModes no
PasswordAuthentication no
UseDNS no
Subsystem sftp internal-sftp
"""


def missing() -> str:
    """Why no machines can be made here; empty if they can."""
    if os.geteuid() != 0:
        return "namespaces need root"
    if absent := [name for name in PROGRAMS if shutil.which(name, path=PATH) is None]:
        return (
            f"not installed: {', '.join(absent)} (apt-get install openssh-server iproute2 procps rsync tmux)"
        )
    if absent := [name for name in ("raysearch", "ray") if not (BIN / name).exists()]:
        return f"not installed beside {sys.executable}: {', '.join(absent)}"
    tried = subprocess.run(
        [*NEW, "sh", "-c", TRY], capture_output=True, text=True, check=False, timeout=FAR_AWAY_S
    )
    return f"no namespaces: {tried.stderr.strip()}" if tried.returncode else ""


@dataclass(frozen=True)
class Host:
    """A machine. Its ``/tmp`` is ``folder/tmp`` here, so that its logs outlive it."""

    name: str
    address: str
    folder: Path
    init: int  # its first process, as seen from here

    @property
    def home(self) -> Path:
        return self.folder / "tmp/home"

    def command(self, *words: str) -> list[str]:
        """The command line that carries a command out on the machine, in the home of root."""
        inside = ["env", "-i", "-C", "/tmp/home", "HOME=/tmp/home", "USER=root", f"PATH={PATH}"]
        inside += ["LANG=C.UTF-8", "TERM=dumb", *SETTINGS]
        return ["nsenter", f"--target={self.init}", *NAMESPACES, *inside, *words]

    def processes(self) -> dict[int, str]:
        """Command lines of what runs on it, without its first process and sshd."""
        try:
            space = Path(f"/proc/{self.init}/ns/pid").readlink()
        except OSError:
            return {}
        found = {}
        for path in Path("/proc").glob("[0-9]*"):
            try:
                if (path / "ns/pid").readlink() != space or int(path.name) == self.init:
                    continue
                line = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            except OSError:  # it ended just now
                continue
            if not line.startswith("sshd:") and "sshd_config" not in line:
                found[int(path.name)] = line or "(zombie)"
        return found

    def kill(self) -> None:
        """As if somebody pulled the plug: no kernel is left to close its connections."""
        _run("nsenter", f"--target={self.init}", "--net", "ip", "link", "del", "eth0")
        os.kill(self.init, signal.SIGKILL)

    def logs(self, n_bytes: int = 1500) -> str:
        """Ends of what sshd and Ray wrote on it."""
        tmp = self.folder / "tmp"
        paths = [tmp / "sshd.log"]
        for pattern in ("monitor.log", "*.err"):
            paths += sorted(tmp.glob(f"ray/session_2*/logs/{pattern}"))
        texts = {path: path.read_text(errors="replace") for path in paths if path.is_file()}
        return "".join(
            f"\n--- {self.name}: {path.name}\n{text[-n_bytes:]}" for path, text in texts.items() if text
        )


@contextmanager
def machines(folder: Path, names: Sequence[str]) -> Iterator[tuple[Host, list[Host]]]:
    """Make a laptop, and hosts that share ``folder/shared`` as /srv; the laptop's root can log in to them.

    Args:
        folder: where their files go; empty.
        names: of the hosts.
    """
    (folder / "shared").mkdir()
    key = folder / "key"
    _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key))
    addresses = {name: f"{NETWORK}.{number}" for number, name in enumerate(["laptop", *names], start=1)}
    with ExitStack() as stack:
        made = {}
        for name, address in addresses.items():
            _prepare(folder / name, addresses, key)
            made[name] = stack.enter_context(_started(folder, name, address))
        laptop, *hosts = made.values()
        for copied, mode in ((key, 0o600), (key.with_suffix(".pub"), 0o644)):
            path = laptop.home / ".ssh" / copied.name.replace("key", "id_ed25519")
            path.write_bytes(copied.read_bytes())
            path.chmod(mode)
        lines = [
            "ip link add br0 type bridge",
            f"ip addr add {laptop.address}/24 dev br0",
            "ip link set br0 up",
        ]
        _run("nsenter", f"--target={laptop.init}", "--net", "sh", "-ec", "\n".join(lines))
        for host in hosts:
            _join(laptop, host)
        yield laptop, hosts


@contextmanager
def started_again(lost: Host, laptop: Host) -> Iterator[Host]:
    """A host that was killed, started anew: its files and addresses are what they were, nothing runs yet."""
    with _started(lost.folder.parent, lost.name, lost.address) as host:
        _join(laptop, host)
        yield host


def _prepare(folder: Path, addresses: dict[str, str], key: Path) -> None:
    """Files of a machine."""
    home, etc = folder / "tmp/home", folder / "tmp/etc"
    for made in (home / ".ssh", etc, folder / "srv"):
        made.mkdir(parents=True)
    (folder / "tmp").chmod(0o1777)
    (home / ".bash_profile").write_text(f"export PATH={PATH} {' '.join(SETTINGS)}\n")
    (home / ".bashrc").touch()
    (home / ".ssh/authorized_keys").write_bytes(key.with_suffix(".pub").read_bytes())
    users = Path("/etc/passwd").read_text(encoding="utf-8").splitlines()
    root = "root:x:0:0:root:/tmp/home:/bin/bash"
    (etc / "passwd").write_text(
        "\n".join([root, *(line for line in users if not line.startswith("root:")), ""])
    )
    (etc / "hosts").write_text(
        "".join(f"{where} {name}\n" for name, where in {"localhost": "127.0.0.1", **addresses}.items())
    )
    (etc / "sshd_config").write_text(SSHD)
    _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(etc / "host_key"))


@contextmanager
def _started(folder: Path, name: str, address: str) -> Iterator[Host]:
    mine = folder / name
    shared = mine / "srv" if name == "laptop" else folder / "shared"
    in_tmp = [
        str(path)
        for path in {CHECKOUT, Path(sys.prefix), Path(sys.base_prefix)}
        if path.is_relative_to("/tmp")
    ]
    with (mine / "console.log").open("w") as console:
        process = subprocess.Popen(
            [*NEW, str(Path(__file__).with_name("host.sh")), name, str(mine / "tmp"), str(shared), *in_tmp],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=console,
            text=True,
            start_new_session=True,  # Ctrl-C is for the test, which then ends the machines
        )
    try:
        assert process.stdout is not None
        if process.stdout.readline() != "ready\n":
            raise RuntimeError(f"{name} did not start:\n{(mine / 'console.log').read_text()}")
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        yield Host(name, address, mine, int(children[0]))
    finally:
        try:
            process.communicate(timeout=10)  # it closes stdin; the first process ends, and all others with it
        except subprocess.TimeoutExpired:
            process.kill()  # --kill-child
            process.communicate()


def _join(laptop: Host, host: Host) -> None:
    """Connect a host with the bridge in the laptop's network."""
    mac = "02:00:" + ":".join(f"{int(part):02x}" for part in host.address.split("."))  # stays the host's
    lines = [
        f"ip link add {host.name} type veth peer name eth0 address {mac} netns {host.init}",
        f"ip link set {host.name} master br0 up",
    ]
    _run("nsenter", f"--target={laptop.init}", "--net", "sh", "-ec", "\n".join(lines))
    lines = [
        f"ip addr add {host.address}/24 dev eth0",
        "ip link set eth0 up",
        f"ip route add default via {laptop.address}",  # nowhere, but Ray asks it for its own address
    ]
    _run("nsenter", f"--target={host.init}", "--net", "sh", "-ec", "\n".join(lines))


def _run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, text=True, timeout=FAR_AWAY_S)
