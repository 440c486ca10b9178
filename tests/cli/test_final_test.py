"""A task that fails on the test set, after the whole search: told in one line, and nothing else is lost."""

from __future__ import annotations

from pathlib import Path

from cli_runs import raysearch

from raysearch.ledger.history import read_history

TAGGER = Path(__file__).parents[1] / "own_tagger.py"
TASK = """

class Mine(Tagger):
    def load(self, source, settings):
        parts = super().load(source, settings)
        parts.test.column(0)[:] = float("nan")  # a view of its own rows alone
        return parts
"""
SPACE = """
task: mine.py:Mine
space: {width: {type: int, low: 2, high: 4}}
search: {sampler: random, trials: 2}
budget: {epochs: 1}
seed: 1
"""


def test_a_task_that_fails_on_the_test_set_loses_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(TAGGER.read_text() + TASK)
    (tmp_path / "space.yaml").write_text(SPACE)
    done = raysearch(tmp_path, "tune", "space.yaml", "--name", "s", "--local")
    assert "warning: 40 of 40 rows of the test part hold values that are not finite" in done.err
    for ended in (done, raysearch(tmp_path, "resume", "s", "--local")):
        assert (ended.code, "Traceback" in ended.err) == (2, False)
        assert "raysearch: s: trial " in ended.err
        assert ", the best, could not be applied to the test set: InputError: scores: 40 of 40" in ended.err
        assert "mine.py, line " in ended.err
        assert "everything else is saved; to try that again: raysearch resume s" in ended.err
    folder = tmp_path / "runs" / "s"
    history = read_history(folder)
    assert history.closed is not None
    assert (history.closed.reason, history.n_committed) == ("test failed", 2)
    assert "could not be applied to the test set" in (folder / "report" / "report.md").read_text()
