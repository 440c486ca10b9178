"""`raysearch.tune` and `resume`: the studies of the command line, in a process with other things to do."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from cli_runs import raysearch as command
from toy import TOY_SPACE, TOY_TASK
from yaml import safe_load

import raysearch
from raysearch.errors import InputError, NoFinishedTrialError, StoppedError, TooManyFailedError
from raysearch.ledger.entries import Entry
from raysearch.ledger.history import History
from raysearch.ledger.run_records import Epoch
from raysearch.library.watching import Watcher

CONTENT: dict[str, Any] = safe_load(TOY_SPACE.format(task=TOY_TASK))


def tune(space: Any, folder: Path, name: str = "s", **more: Any) -> raysearch.Study:
    study = raysearch.tune(space, runs=folder / "runs", name=name, local=True, **more)
    assert isinstance(study, raysearch.Study)
    return study


def test_it_is_the_study_of_the_command_line(toy_space: Path, tmp_path: Path) -> None:
    wishes = ("-n", "4", "--seed", "5", "--set", "budget.epochs=2")
    done = command(tmp_path, "tune", str(toy_space), "--name", "typed", "--local", *wishes)
    assert done.code == 0, done.err
    study = tune(toy_space, tmp_path, "called", trials=4, seed=5, **{"budget.epochs": 2})
    typed = raysearch.open("typed", runs=tmp_path / "runs")
    assert isinstance(typed, raysearch.Study)
    assert study.history.hash == typed.history.hash
    assert (study.history.created.identity, study.state) == (typed.history.created.identity, "finished")


def test_a_space_may_be_a_dict_and_stays_as_it_was(toy_space: Path, tmp_path: Path) -> None:
    before = repr(CONTENT)
    of_dict = tune(CONTENT, tmp_path, "dict", trials=2)
    of_file = tune(toy_space, tmp_path, "file", set=["search.trials=2"])
    assert of_dict.history.created.identity == of_file.history.created.identity
    assert repr(CONTENT) == before


def test_a_script_hears_nothing_unless_it_asks(
    toy_space: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    tune(toy_space, tmp_path, "quiet", trials=1)
    assert capfd.readouterr() == ("", "")
    tune(toy_space, tmp_path, "told", trials=1, show="lines")
    out, err = capfd.readouterr()
    assert out == ""
    assert "trial 0 finished: val_loss" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"trails": 3}, "trails: no such word; one of data, trials, .* Did you mean 'trials'?"),
        ({"budget.epoch": 3}, "budget.epoch: unknown key; one of epochs, .* Did you mean 'epochs'?"),
        ({"sampler": "tpee"}, "search.sampler: unknown 'tpee'.* Did you mean 'tpe'?"),
        ({"name": "../x"}, "study name '../x': 1 to 64 letters"),
        ({"show": "tabel"}, "show='tabel': one of auto, table, lines, nothing. Did you mean 'table'?"),
        ({"space.width": {"type": "int", "low": 3, "high": 1}}, "space.width.*"),
    ],
)
def test_what_is_wrong_is_told_before_anything_starts(
    toy_space: Path, tmp_path: Path, arguments: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError, match=words.replace("?", r"\?")):
        raysearch.tune(toy_space, **{"runs": tmp_path / "runs", "name": "s", "local": True, **arguments})
    assert not (tmp_path / "runs" / "s").exists()


def test_a_check_starts_nothing(toy_space: Path, tmp_path: Path) -> None:
    raysearch.check(toy_space, runs=tmp_path / "runs", name="s")
    with pytest.raises(InputError, match="width: needs at least 1, got -3"):
        raysearch.check(toy_space, runs=tmp_path / "runs", name="s", **{"space.width.low": -3})
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_study_that_is_there_is_left_alone_unless_it_is_to_go_on(toy_space: Path, tmp_path: Path) -> None:
    study = tune(toy_space, tmp_path, trials=2)
    with pytest.raises(InputError, match="exists; go on with"):
        tune(toy_space, tmp_path, trials=2)
    assert tune(toy_space, tmp_path, trials=2, resume=True).history.hash == study.history.hash
    with pytest.raises(InputError, match=r"is a study of another space.*\n  search.trials: 2 there, 3 here"):
        tune(toy_space, tmp_path, trials=3, resume=True)
    assert len(study.resume(trials=1, local=True).trials()) == 3


def test_failures_are_raised_and_the_study_can_be_opened(toy_space: Path, tmp_path: Path) -> None:
    with pytest.raises(NoFinishedTrialError, match="s: no trial finished"):
        tune(toy_space, tmp_path, trials=2, **{"space.trouble": "diverges"})
    study = raysearch.open("s", runs=tmp_path / "runs")
    assert isinstance(study, raysearch.Study)
    assert list(study.trials()["failure"].str.partition(":")[0]) == ["nonfinite", "nonfinite"]
    trouble = {"type": "choice", "values": ["none", "diverges"]}
    with pytest.raises(TooManyFailedError):
        tune(
            toy_space,
            tmp_path,
            "some",
            trials=8,
            seed=3,
            **{"space.trouble": trouble, "budget.max_failed": 0},
        )


class Interrupts(Watcher):
    """Sends a signal, as Jupyter's stop button does, after an epoch."""

    def follow(self) -> Any:
        from contextlib import nullcontext

        return nullcontext(self.record)

    def record(self, entry: Entry, _: History) -> None:
        if isinstance(entry.record, Epoch) and entry.record.trial == 1:
            signal.raise_signal(signal.SIGINT)


def test_an_interrupt_saves_everything_and_it_goes_on(toy_space: Path, tmp_path: Path) -> None:
    with pytest.raises(StoppedError, match="stopped, everything is saved"):
        tune(toy_space, tmp_path, trials=4, show=Interrupts())
    stopped = raysearch.open("s", runs=tmp_path / "runs")
    assert isinstance(stopped, raysearch.Study)
    assert stopped.state == "stopped"
    stopped.resume(local=True)
    assert stopped.history.hash == tune(toy_space, tmp_path, "whole", trials=4).history.hash


def test_it_runs_in_a_thread(toy_space: Path, tmp_path: Path) -> None:
    found: list[raysearch.Study] = []
    thread = threading.Thread(target=lambda: found.append(tune(toy_space, tmp_path, trials=2)))
    thread.start()
    thread.join()
    assert found[0].state == "finished"


def test_the_process_is_left_as_it_was(
    toy_space: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_TOKEN", "secret")  # hidden from runs meanwhile
    monkeypatch.setattr("sys.argv", ["kernel"])
    torch.set_num_threads(2)
    umask = os.umask(0o022)
    try:
        before = (dict(os.environ), torch.get_num_threads(), *map(signal.getsignal, (2, 15)), Path.cwd())
        study = tune(toy_space, tmp_path, trials=2)
        study.report()
        now = (dict(os.environ), torch.get_num_threads(), *map(signal.getsignal, (2, 15)), Path.cwd())
        assert now == before
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(umask)
        torch.set_num_threads(1)
    others = [path for path in study.folder.rglob("*") if path.stat().st_mode & 0o077]
    assert others == []  # files are their owner's all the same


def test_a_varied_key_makes_a_series(toy_space: Path, tmp_path: Path) -> None:
    series = raysearch.tune(
        toy_space,
        trials=2,
        runs=tmp_path / "runs",
        name="widths",
        local=True,
        set={"vary": {"space": {"width": [2, 4]}}},
    )
    assert isinstance(series, raysearch.Series)
    assert list(series) == ["2", "4"]
    assert [study.name for study in series.values()] == ["widths/2", "widths/4"]
    assert {series[name].trial(0).state for name in series} == {"finished"}
    assert [study.name for study in raysearch.studies(runs=tmp_path / "runs")] == ["widths/2", "widths/4"]
    assert series.report().path.is_file()
    assert "widths" not in series._repr_html_()  # members go by their own names
    with pytest.raises(KeyError):
        series["3"]


def test_crossval_of_a_trial(toy_space: Path, tmp_path: Path) -> None:
    crossval = tune(toy_space, tmp_path, trials=2).crossval(folds=3, local=True)
    assert isinstance(crossval, raysearch.Study)
    assert (crossval.name, crossval.folder) == ("s-crossval", tmp_path / "runs" / "s-crossval")
    assert len(crossval.models()) == 3
    assert set(crossval.best.test_metrics_sd) == {"test_loss"}
    with pytest.raises(InputError, match=r"has 3 folds, .* say which with fold=0 to 2"):
        crossval.model()
    assert crossval.model(fold=2) is not None
