"""An objective of exactly 0 is a value like others, in a fold, in a trial and as the best."""

from __future__ import annotations

from pathlib import Path

from toy import create_ledger, finished, opened

from raysearch.study.study import Study


def test_zero_counts_in_the_mean_over_folds_and_can_be_the_best(tmp_path: Path) -> None:
    ledger = create_ledger(tmp_path / "s", folds=2, sampler="random", trials=3, options={})
    study = Study(ledger, lambda *_: None)
    study.begin(opened())
    values = {0: (0.5, 0.5), 1: (0.0, 0.8), 2: (0.0, 0.0)}
    while (run := study.next_run()) is not None:
        study.started(run)
        study.end(finished(run, values[run.trial][run.fold]))
    assert [trial.value for trial in study.history.trials] == [0.5, 0.4, 0.0]
    assert study.history.best is not None
    assert study.history.best.number == 2
    ledger.close()
