from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cli_runs import raysearch
from typer.testing import CliRunner
from waiting import FAR_AWAY_S, wait_for

from raysearch.cli.main import app
from raysearch.errors import ResourceError
from raysearch.ledger.asking_records import Asked
from raysearch.ledger.ledger import Ledger
from raysearch.ledger.record import Record
from raysearch.ledger.run_records import Committed, Ended, Epoch, Started
from raysearch.ledger.study_records import Closed, Created, Opened
from raysearch.tracking import server
from raysearch.tracking.server import HOST, choose_port, running_server


def write_study(folder: Path, n_trials: int = 3) -> None:
    space_file = {
        "task": "jedinet", "description": "", "demonstration_of": None, "seed": 7,
        "space": {"hidden": {"type": "int", "low": 5, "high": 50}},
        "search": {"sampler": "tpe", "trials": n_trials}, "budget": {"epochs": 2},
    }  # fmt: skip
    created = Created(
        study=folder.name, space_file=space_file, identity="1d" * 32, task_sha256="", objective="val_loss",
        maximise=False, window=2, folds=1, settings=["hidden"],
        data={"path": "jets", "files": {"jets.h5": "da" * 32}},
    )  # fmt: skip
    records: list[Record] = [
        created,
        Opened(session=1, host="node", pid=1, slots=1, versions={"raysearch": "0.1.0"}, cpu="a cpu"),
    ]
    for trial in range(n_trials):
        shared: dict[str, Any] = {"trial": trial, "fold": 0, "attempt": 1}
        records += [Asked(trial=trial, settings={"hidden": 5 + trial}), Started(**shared)]
        records += [Epoch(**shared, epoch=1, seconds=0.5, metrics={"val_loss": 0.7 - trial / 10})]
        records += [
            Ended(
                **shared, state="finished", value=0.7 - trial / 10, metrics={"val_loss": 0.7 - trial / 10},
                best_epoch=1, epochs=1, weights="w.pt", weights_sha256="0" * 64, seconds=0.5,
            ),
            Committed(trial=trial, state="finished", value=0.7 - trial / 10),
        ]  # fmt: skip
    with Ledger(folder, create=True) as ledger:
        ledger.append([*records, Closed(reason="finished")])


@contextmanager
def taken_port() -> Iterator[int]:
    with closing(socket.create_server((HOST, 0))) as listener:
        yield listener.getsockname()[1]


def test_a_port_the_user_names_is_that_or_an_error() -> None:
    with taken_port() as port, pytest.raises(ResourceError, match=f"--port {port}"):
        choose_port(port)
    assert choose_port(port) == port  # free again


def test_without_a_name_the_next_free_port_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    with taken_port() as port:
        monkeypatch.setattr(server, "DEFAULT_PORT", port)
        assert port < choose_port(None) < port + 100


def test_a_server_in_the_environment_is_only_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://alice:S3cret@mlflow.example:5000/")
    result = CliRunner().invoke(app, ["dashboard"])
    assert result.output == "MLflow is at https://mlflow.example:5000\n"
    assert result.exit_code == 0


def test_a_login_is_not_made_for_somebody_elses_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://alice:S3cret@mlflow.example:5000/")
    result = raysearch(tmp_path, "dashboard", "--login")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("raysearch: --login: https://mlflow.example:5000 is a server of its own")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_server_that_cannot_start_says_why_without_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    uri = "nonsense://alice:S3cret@db/mlflow"
    with (
        pytest.raises(ResourceError, match="did not start") as caught,
        running_server(uri, choose_port(None)),
    ):
        pass
    assert "S3cret" not in str(caught.value)


@dataclass
class Dashboard:
    process: subprocess.Popen[str]
    port: int
    study_url: str

    def ask(self, method: str, path: str, body: str | None = None, **headers: str) -> int:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=FAR_AWAY_S)
        fields = {"Host": f"{HOST}:{self.port}", "Content-Type": "application/json"}
        with closing(connection):
            connection.request(method, path, body, fields | headers)
            return connection.getresponse().status

    def group(self) -> list[int]:
        """Processes below the dashboard's own."""
        found = subprocess.run(
            ["ps", "-eo", "pid=,ppid=,sid="], capture_output=True, text=True, check=True
        ).stdout.split("\n")  # fmt: skip
        rows = [tuple(map(int, line.split())) for line in found if line]
        children = [pid for pid, parent, _ in rows if parent == self.process.pid]
        return [pid for pid, _, session in rows if session in children]


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    folder = tmp_path_factory.mktemp("dashboard with space")
    write_study(folder / "runs" / "jedinet-demo")
    with closing(socket.create_server((HOST, 0))) as probe:
        port = probe.getsockname()[1]
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    # A user's own switches must not open the door again.
    surroundings |= {
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "true", "MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE": "true",
        "MLFLOW_HOST": "0.0.0.0", "MLFLOW_SERVER_ALLOWED_HOSTS": "*", "PYTHONUNBUFFERED": "1",
    }  # fmt: skip
    command = [sys.executable, "-m", "raysearch.cli.main", "dashboard", "--port", str(port)]
    before = signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # pytest behind an & ignores it, so would a child
    process = subprocess.Popen(
        command, cwd=folder, env=surroundings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    signal.signal(signal.SIGINT, before)
    said = ""
    assert process.stdout is not None
    for line in process.stdout:
        said += line
        if line.startswith("jedinet-demo: "):
            break
    link = re.search(r"jedinet-demo: (\S+)", said)
    assert link, said
    yield Dashboard(process, port, link[1])
    process.kill()
    process.wait()


@pytest.mark.slow
@pytest.mark.parametrize(
    "host", ["evil.example", "10.evil.example", "192.168.0.1.evil.example", "10.0.0.1:5000"]
)
def test_no_other_host_name_is_answered(dashboard: Dashboard, host: str) -> None:
    assert dashboard.ask("GET", "/api/2.0/mlflow/experiments/get?experiment_id=0") == 200
    assert dashboard.ask("GET", "/api/2.0/mlflow/experiments/get?experiment_id=0", Host=host) == 403


@pytest.mark.slow
def test_a_page_from_elsewhere_can_change_nothing(dashboard: Dashboard) -> None:
    path = "/api/2.0/mlflow/experiments/create"
    assert dashboard.ask("POST", path, '{"name": "planted"}', Origin="http://evil.example") == 403
    assert dashboard.ask("POST", path, '{"name": "mine"}') == 200


@pytest.mark.slow
def test_no_jobs_and_no_other_address(dashboard: Dashboard) -> None:
    body = '{"job_name": "invoke_scorer", "params": {}}'
    assert dashboard.ask("POST", "/ajax-api/3.0/jobs/", body) >= 400
    words = [Path(f"/proc/{pid}/cmdline").read_bytes().decode() for pid in dashboard.group()]
    assert not [word for word in words if "huey" in word]
    assert len(words) <= 3
    listening = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
    own = [line.split()[1] for line in listening.splitlines() if f":{dashboard.port:04X} 00000000" in line]
    assert own == [f"0100007F:{dashboard.port:04X}"]


@pytest.mark.slow
def test_the_page_shows_the_study_and_its_trials_below_it(dashboard: Dashboard, tmp_path: Path) -> None:
    browser_path, driver_path = shutil.which("chromium"), shutil.which("chromedriver")
    if not browser_path or not driver_path:
        pytest.skip("no chromium with chromedriver on this machine")
    webdriver = pytest.importorskip("selenium.webdriver")
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    options = webdriver.ChromeOptions()
    options.binary_location = browser_path
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1600,1000"):
        options.add_argument(argument)
    with webdriver.Chrome(options, webdriver.ChromeService(driver_path)) as browser:
        wait = WebDriverWait(browser, FAR_AWAY_S)
        browser.get(dashboard.study_url)
        wait.until(lambda page: "best.hidden" in page.page_source)
        browser.get(dashboard.study_url.split("/runs/")[0] + "/runs")
        wait.until(lambda page: "jedinet-demo" in page.find_element(By.TAG_NAME, "body").text)
        picture(browser, "closed")
        names = runs_shown(browser)
        assert "trial 2" not in names
        browser.find_element(By.CSS_SELECTOR, "[role=gridcell][col-id*='Run Name'] button").click()
        wait.until(lambda page: {"trial 0", "trial 1", "trial 2"} <= runs_shown(page))
        picture(browser, "open")


def runs_shown(browser: Any) -> set[str]:
    text = browser.find_element("tag name", "body").text
    return set(re.findall(r"^(jedinet-demo|trial \d+)$", text, re.MULTILINE))


def picture(browser: Any, name: str) -> None:
    if folder := os.environ.get("RAYSEARCH_PICTURES"):
        browser.save_screenshot(f"{folder}/mlflow-{name}.png")


@pytest.mark.slow
def test_ctrl_c_ends_all_of_it(dashboard: Dashboard) -> None:
    """Last in this file: it ends the dashboard of the tests above."""
    below = dashboard.group()
    assert below
    dashboard.process.send_signal(signal.SIGINT)
    assert dashboard.process.wait(FAR_AWAY_S) == 0
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in below), "the end of the whole server")
