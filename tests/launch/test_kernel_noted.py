"""Which kernel computed a run is in the ledger, and a resume on a machine with the other one tells it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from after_studies import JEDINET

from raysearch.launch.begin import create_study
from raysearch.launch.carry_out import carry_out
from raysearch.launch.local_executor import LocalExecutor
from raysearch.launch.prepare import prepare
from raysearch.launch.request import Wish
from raysearch.launch.unchanged import check_unchanged
from raysearch.ledger.history import History
from raysearch.ledger.ledger import Ledger
from raysearch.models.kernels import build
from raysearch.report.markdown import to_markdown
from raysearch.report.provenance import provenance
from raysearch.space.space_file import read_space_file

SPACE = JEDINET.replace("standardize: true", "kernel: fused").replace("limit: 2000", "limit: 100")


def go_on(folder: Path, trials: int) -> tuple[History, list[str]]:
    said: list[str] = []
    space_file = check_unchanged(folder, allow_skew=False, say=said.append)
    with Ledger(folder) as ledger:
        wish = Wish(extra_trials=trials)
        executor = LocalExecutor(space_file.resources)
        return carry_out(ledger, executor, lambda *_: None, lambda _: None, wish), said


@pytest.mark.skipif(not any(map(shutil.which, build.COMPILERS)), reason="no C++ compiler here")
def test_each_run_has_its_kernel_and_the_other_one_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "s.yaml").write_text(SPACE)
    folder = tmp_path / "runs/s"
    space_file = read_space_file(tmp_path / "s.yaml")
    with create_study(prepare(space_file, folder.parent), folder, 1) as ledger:
        carry_out(ledger, LocalExecutor(space_file.resources), lambda *_: None, lambda _: None)
    _, said = go_on(folder, 1)
    assert said == []
    monkeypatch.setattr(build, "load", lambda *_: None)  # as on a machine without a compiler
    history, said = go_on(folder, 1)
    assert len(said) == 1
    assert "its runs so far were computed by this kernel: compiled; this machine has: torch" in said[0]
    endings = [trial.runs[0].ended for trial in history.trials]
    assert [ended and ended.facts["kernel"] for ended in endings] == ["compiled", "compiled", "torch"]
    assert "compiled: 2 runs, torch: 1 run" in to_markdown("s", provenance(history))
