"""A user's story on a laptop and a cluster out of namespaces: commands, and waits for what comes of them."""

from __future__ import annotations

import shlex
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from hosts import Host, machines, missing
from waiting import FAR_AWAY_S

from raysearch.errors import StorageError
from raysearch.ledger.history import History
from raysearch.ledger.ledger import read_entries
from raysearch.ledger.run_records import Lost

NAME = "jets"  # of every study


class Story:
    """What a user does on the laptop; how long each step takes is printed, and is no matter of the test's."""

    def __init__(self, laptop: Host, hosts: list[Host], stack: ExitStack) -> None:
        self.laptop, self.hosts, self.stack = laptop, hosts, stack
        self._printed = laptop.folder / "printed.log"

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        begun = time.monotonic()
        yield
        print(f"{time.monotonic() - begun:7.1f} s  {what}", flush=True)

    def run(self, command: str, code: int = 0) -> str:
        """Carry out a command line on the laptop, which is to end with an exit code; what it printed."""
        with self.step(command), self.running(command) as process:
            try:
                ended_with = process.wait(timeout=FAR_AWAY_S)
            except subprocess.TimeoutExpired:
                self.fail(f"{command}: not done within {FAR_AWAY_S:g} s")
            if ended_with != code:
                self.fail(f"{command}: exit code {ended_with}")
            return self.printed

    @contextmanager
    def running(self, command: str) -> Iterator[subprocess.Popen[str]]:
        with self._printed.open("w") as file:
            process = subprocess.Popen(
                self.laptop.command("bash", "-c", command),
                stdin=subprocess.PIPE,
                stdout=file,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    @property
    def printed(self) -> str:
        return self._printed.read_text(errors="replace")

    def at_home(self, *names: str) -> list[Path]:
        return [self.laptop.home / name for name in names]

    def terminal(self) -> str:
        """What stands in the terminals on the head that outlive a connection."""
        command = (
            "for pane in $(tmux list-panes -a -F '#{pane_id}'); "
            "do tmux capture-pane -p -S -300 -t $pane; done"
        )
        shown = subprocess.run(
            self.hosts[0].command("bash", "-c", command), capture_output=True, text=True, check=False
        )
        return shown.stdout + shown.stderr

    def wait(self, what: str, happened: Callable[[], bool]) -> None:
        with self.step(what):
            deadline = time.monotonic() + FAR_AWAY_S
            while not happened():
                if time.monotonic() > deadline:
                    running = "\n".join(f"{host.name}: {host.processes()}" for host in self.hosts)
                    self.fail(f"{what}: not within {FAR_AWAY_S:g} s; there run\n{running}")
                time.sleep(0.2)

    def fail(self, what: str) -> None:
        logs = "".join(host.logs() for host in self.hosts)
        texts = {"printed on the laptop": self.printed, "terminals of the head": self.terminal()}
        told = "".join(f"\n--- {name}\n{text[-6000:]}" for name, text in texts.items())
        pytest.fail(f"{what}\n{logs}{told}", pytrace=False)


def history(runs: Path) -> History:
    return History(read_entries(runs / NAME))


def n_committed(runs: Path) -> int:
    with suppress(StorageError):  # it is not there yet
        return history(runs).n_committed
    return 0


def losses(runs: Path) -> list[Lost]:
    return [entry.record for entry in read_entries(runs / NAME) if isinstance(entry.record, Lost)]


def on_head(command: str, options: str = "") -> str:
    return f"ray exec {options}cluster.yaml {shlex.quote(f'cd /srv/me && {command}')}"


def processes(host: Host, *words: str) -> list[int]:
    return [pid for pid, line in host.processes().items() if all(word in line for word in words)]


@contextmanager
def story_in(tmp_path: Path) -> Iterator[Story]:
    """A laptop, a head and two workers, with their files in a folder; skips where there can be none."""
    if why_not := missing():
        pytest.skip(why_not)
    begun = time.monotonic()
    with machines(tmp_path, ["head", "worker-1", "worker-2"]) as (laptop, hosts), ExitStack() as stack:
        (tmp_path / "shared/me").mkdir()
        print(f"\n{time.monotonic() - begun:7.1f} s  (laptop, head and two workers made)", flush=True)
        yield Story(laptop, hosts, stack)


def bring_up(story: Story) -> None:
    head, *workers = [host.address for host in story.hosts]
    options = " ".join(f"--worker {worker}" for worker in workers)
    story.run(f"raysearch cluster init local --head {head} {options} --user root")
    story.run("ray get-auth-token --generate && chmod 600 ~/.ray/auth_token")
    assert "warning" not in story.run("raysearch cluster check cluster.yaml --connect"), story.printed
    story.run("ray up -y cluster.yaml")
    wait_for_three(story)


def wait_for_three(story: Story) -> None:
    printed = story.run(
        on_head(f"raysearch cluster wait --nodes 3 --timeout {FAR_AWAY_S:.0f} --address auto")
    )
    assert "3 machines" in printed
    assert all(f"({host.address})" in printed for host in story.hosts), printed
