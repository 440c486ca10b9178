"""The live table says what a study waits for."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from rich.console import Console
from rich.live import Live
from toy import create_ledger, finished, opened

from raysearch.ledger.entries import Entry
from raysearch.ledger.history import History
from raysearch.library import live_table
from raysearch.library.live_table import LiveTable, Snapshot
from raysearch.study.study import Study


def drawn(live: Live) -> str:
    console = Console(width=160)
    with console.capture() as captured:
        console.print(live.renderable)
    return captured.get()


class Asked(LiveTable):
    """Notes what is drawn whenever the search is asked, and is asked no more."""

    def __init__(self, live: Live) -> None:
        super().__init__(live)
        self.heard: list[tuple[int | None, str]] = []
        self.live = live

    def asking(self, trial: int | None) -> None:
        super().asking(trial)
        self.heard.append((trial, drawn(self.live)))


def test_it_says_for_how_long_the_sampler_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_table, "LONG_S", 0.0)
    table = Asked(Live(""))
    study = Study(create_ledger(tmp_path / "s"), table)
    study.begin(opened())
    run = study.next_run()
    assert run is not None
    study.started(run)
    study.end(finished(run, 0.5))
    study.ledger.close()
    assert [trial for trial, _ in table.heard] == [0, None, 1, None, 2, None, 3, None, 4, None]
    *_, (_, while_asked), (_, after) = table.heard
    assert "\nasking the sampler for trial 4, 0 s\n" in while_asked
    assert "asking" not in after


def test_a_short_ask_is_not_spoken_of(tmp_path: Path) -> None:
    with create_ledger(tmp_path / "s") as ledger:
        ledger.append([opened()])
        snapshot = Snapshot.of(History(ledger.entries))
    live = Live(snapshot)
    snapshot.asking = (7, time.monotonic() + 3600)
    assert "asking" not in drawn(live)
    snapshot.asking = (7, time.monotonic() - 3600)
    assert "asking the sampler for trial 7, 3600 s" in drawn(live)


def test_a_listener_that_is_a_function_hears_records_alone(tmp_path: Path) -> None:
    heard: list[Entry] = []
    study = Study(create_ledger(tmp_path / "s"), lambda entry, _: heard.append(entry))
    study.begin(opened())
    study.ledger.close()
    assert len(heard) == 1 + 4
