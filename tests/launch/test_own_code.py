"""A study runs the code of a user's task that it began with, whatever becomes of the files meanwhile."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from toy import QUICK_SPACE, TOY_TASK, essence

from raysearch.errors import ChangedError, InputError, StorageError
from raysearch.launch.begin import create_study
from raysearch.launch.carry_out import carry_out
from raysearch.launch.local_executor import LocalExecutor
from raysearch.launch.orders import order_for
from raysearch.launch.prepare import prepare
from raysearch.launch.request import NO_WISH, CodeChoice, Wish
from raysearch.ledger.entries import Entry, from_json, to_json
from raysearch.ledger.history import read_history
from raysearch.ledger.ledger import Ledger
from raysearch.ledger.run_records import Committed
from raysearch.ledger.study_records import Recoded
from raysearch.library.bundles import bundle, unbundle
from raysearch.library.jobs import go_on, wish_of
from raysearch.library.trained import taken_up
from raysearch.library.watching import Watcher
from raysearch.report.markdown import to_markdown
from raysearch.report.provenance import provenance
from raysearch.space.space_file import read_space_file
from raysearch.study.study import Study
from raysearch.tasks.kept_code import CODE, keep, key_of, read_kept
from raysearch.tasks.own_code import read_code, sums_of
from raysearch.training.attempt import attempt_run
from raysearch.training.workers import OneWorker

TASK = f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(TOY_TASK.parent)!r})
sys.path.insert(0, str(Path(__file__).parent / "lib"))
from toy_task import Toy
import helper
from networks.small import scale
import looked_up

class Mine(Toy):
    def load(self, source, settings):
        assert Path(__file__).with_name("beside.txt").read_text() == "beside"
        return super().load(source, settings)

    def metrics(self, outputs, data):
        import late
        found = super().metrics(outputs, data)
        return {{"loss": found["loss"] + helper.OFFSET + late.OFFSET + scale() + looked_up.OFFSET + OWN}}

OWN = 0.0
"""


class Listening(Watcher):
    def __init__(self, said: list[str]) -> None:
        self._said = said

    def say(self, text: str) -> None:
        if "going on with" in text:
            self._said.append(text)


OFFSETS = {"helper.py": "OFFSET", "late.py": "OFFSET", "lib/looked_up.py": "OFFSET"}
Act = Callable[[Path, Entry], None]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    for inner in ("lib", "networks"):
        (folder / inner).mkdir(parents=True)
    (folder / "mine.py").write_text(TASK)
    (folder / "mine.yaml").write_text(QUICK_SPACE.format(task="mine.py:Mine"))
    (folder / "beside.txt").write_text("beside")
    (folder / "networks/__init__.py").touch()
    (folder / "networks/small.py").write_text("from .amount import AMOUNT\nscale = lambda: AMOUNT\n")
    (folder / "networks/amount.py").write_text("AMOUNT = 0.0\n")
    for name in OFFSETS:
        (folder / name).write_text("OFFSET = 0.0\n")
    (folder / "unused.py").write_text("raise RuntimeError\n")
    return folder


def carry(
    project: Path, name: str, act: Act = lambda *_: None, trials: int = 0, code: CodeChoice = None
) -> list[str]:
    """Begin a study, or go on with it; returns what was said."""
    space_file, folder, said = read_space_file(project / "mine.yaml"), project / "runs" / name, list[str]()
    wish = Wish(extra_trials=trials, code=code)
    if folder.exists():
        job = go_on(folder, wish, Listening(said), allow_skew=False)
        assert job is not None
        wish = job.wish
        ledger = Ledger(folder)
    else:
        ledger = create_study(prepare(space_file, folder.parent), folder, 1)
    with ledger:
        executor = LocalExecutor(space_file.resources)
        carry_out(ledger, executor, lambda entry, _: act(project, entry), lambda _: None, wish)
    return said


def edit(project: Path, *names: str) -> None:
    for name in names:
        (project / name).write_text((project / name).read_text().replace("0.0", "100.0"))


ALL = ("mine.py", "helper.py", "late.py", "lib/looked_up.py", "networks/amount.py")


def test_all_that_it_imports_from_beside_it_is_kept(project: Path) -> None:
    carry(project, "s")
    history = read_history(project / "runs/s")
    assert set(history.created.code) == {*ALL, "networks/__init__.py", "networks/small.py"}
    assert not list((project / "runs/s/code").rglob("__pycache__"))


@pytest.mark.parametrize("names", [[name] for name in ALL] + [list(ALL)])
def test_what_is_edited_in_mid_study_changes_nothing(project: Path, names: list[str]) -> None:
    carry(project, "whole")

    def act(project: Path, entry: Entry) -> None:
        if isinstance(entry.record, Committed) and entry.record.trial == 0:
            edit(project, *names)

    carry(project, "s", act)
    assert essence(project / "runs/s") == essence(project / "runs/whole")
    tested = [read_history(project / "runs" / name).tests[0][0].metrics for name in ("s", "whole")]
    assert tested[0] == tested[1]
    # and what begins after that runs what is there then, in this very process too
    carry(project, "new")
    values = [trial.value for trial in read_history(project / "runs/new").trials]
    assert all(value is not None and value > 50 for value in values)


def test_a_resume_names_what_was_edited_and_the_ways_on(project: Path) -> None:
    carry(project, "s")
    edit(project, "helper.py")
    with pytest.raises(
        InputError, match=r"helper\.py was changed since the study began\n.*--kept-.*--changed-"
    ):
        carry(project, "s", trials=2)


def test_the_kept_code_goes_on_to_what_it_would_have_come_to(project: Path) -> None:
    for name in ("s", "whole"):
        carry(project, name)
    carry(project, "whole", trials=2)
    edit(project, *ALL)
    (said,) = carry(project, "s", trials=2, code="kept")
    assert "mine.py was changed; going on with the code that the study keeps" in said
    assert essence(project / "runs/s") == essence(project / "runs/whole")
    assert [len(read_history(project / "runs" / name).codes) for name in ("s", "whole")] == [1, 1]


def test_changed_code_that_is_wanted_is_recorded_and_told(project: Path) -> None:
    carry(project, "s")
    edit(project, "helper.py")
    carry(project, "s", trials=2, code="changed")
    history = read_history(project / "runs/s")
    values = [trial.value for trial in history.trials]
    assert [value is not None and value > 50 for value in values] == [False] * 4 + [True] * 2
    assert len(history.codes) == 2
    page = to_markdown("s", provenance(history))
    assert "The code was changed in mid-study, on purpose: helper.py. Trials whose last attempt ran" in page
    assert "the changed code: 4, 5." in page
    # a trial's model is taken up by the code that trained it
    with taken_up(project / "runs/s", "best") as trained:
        outputs, data = {"outputs": trained.task.load(trained.source, trained.settings).test.column(1)}, None
        data = trained.task.load(trained.source, trained.settings).test
        assert trained.task.metrics(outputs, data)["loss"] < 50
    carry(project, "s", trials=1)
    assert len(read_history(project / "runs/s").codes) == 2


def test_a_project_that_was_moved_goes_on_and_says_by_what(project: Path) -> None:
    carry(project, "s")
    (project / "mine.py").write_text(TASK.replace("assert", "Path(__file__) or"))  # no file beside it is read
    carry(project, "t")
    moved = project.rename(project.with_name("moved"))
    (said,) = carry(moved, "t", trials=1)
    assert "is not there any more; going on with the code that the study keeps" in said
    assert read_history(moved / "runs/t").n_committed == 5
    assert wish_of(moved / "runs/t", read_space_file(moved / "mine.yaml")) == NO_WISH


def first_order(project: Path) -> Study:
    folder = project / "runs/s"
    ledger = create_study(prepare(read_space_file(project / "mine.yaml"), folder.parent), folder, 1)
    study = Study(ledger, lambda *_: None)
    study._ask()
    return study


@pytest.mark.parametrize("spoil", [lambda path: path.write_text("OFFSET = 5.0"), Path.unlink])
def test_a_damaged_copy_is_run_by_nobody_and_made_again(project: Path, spoil: Callable[[Path], None]) -> None:
    study = first_order(project)
    run = study.next_run()
    assert run is not None
    (kept,) = (project / "runs/s/code").glob("*/helper.py")
    spoil(kept)
    with pytest.raises(ChangedError, match="was changed, is damaged or gone"):
        attempt_run(order_for(study, run), OneWorker(), lambda _: None)
    shutil.rmtree(kept.parent)
    with pytest.raises(ChangedError, match="was changed, is damaged or gone"):
        attempt_run(order_for(study, run), OneWorker(), lambda _: None)
    study.ledger.close()
    edit(project, "late.py")
    with pytest.raises(InputError, match="not there as the study began with it, to be copied again"):
        carry(project, "s", code="kept")
    (project / "late.py").write_text("OFFSET = 0.0\n")
    carry(project, "s")
    assert read_history(project / "runs/s").n_committed == 4


class Killed(BaseException):
    """What ends the process there, with nothing tidied up."""


def test_killed_at_any_rename_the_code_is_copied_when_it_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = {"mine.py": b"import helper", "helper.py": b"", "networks/small.py": b"AMOUNT = 1"}
    renamed: list[Path] = []

    def copied(n_renamed: int) -> Path:
        """Copy, killed at a rename; then the folder."""
        renamed.clear()
        study = tmp_path / str(n_renamed)
        with monkeypatch.context() as patched:
            patched.setattr("os.getpid", lambda: 1)  # another process than the next one
            for name in ("replace", "rename"):
                rename = getattr(Path, name)

                def counted(part: Path, to: Path, rename: Callable[[Path, Path], Path] = rename) -> Path:
                    renamed.append(to)
                    if len(renamed) > n_renamed:
                        raise Killed
                    return rename(part, to)

                patched.setattr(Path, name, counted)
            keep(study, code, tmp_path)
        return study / CODE

    n_renamed = 0
    while True:
        try:
            copied(n_renamed)
        except Killed:
            keep(tmp_path / str(n_renamed), code, tmp_path)
            there = tmp_path / str(n_renamed) / CODE
            assert read_kept(there / key_of(sums_of(code))) == code
            assert {path.name for path in there.iterdir()} == {
                f"{key_of(sums_of(code))}{end}" for end in ("", ".json")
            }
            n_renamed += 1
        else:
            break
    assert n_renamed >= len(code)


def test_a_bundle_holds_no_code_and_its_study_takes_the_same_files_only(project: Path) -> None:
    carry(project, "s")
    packed = bundle("s", out=project / "s.tar.gz", runs=project / "runs")
    assert len(packed.left_out["code of the study's own task, which no bundle holds"]) == 8
    shutil.rmtree(project / "runs/s")
    unbundle(project / "s.tar.gz", runs=project / "runs")
    assert not (project / "runs/s/code").exists()
    with taken_up(project / "runs/s", "best"):
        pass
    edit(project, "helper.py")
    refused = pytest.raises(InputError, match=r"mine\.py was changed since s began, or is gone, and no copy")
    with refused, taken_up(project / "runs/s", "best"):
        pass
    with pytest.raises(InputError, match=r"helper\.py was changed since the study began"):
        carry(project, "s", trials=1)
    (project / "helper.py").write_text("OFFSET = 0.0\n")
    carry(project, "s", trials=1)
    assert read_history(project / "runs/s").n_committed == 5


def test_no_ledger_names_code_outside_of_its_folder(project: Path) -> None:
    plain = to_json(Entry(1, 1, Recoded(code={"../../evil.py": "0"})))
    with pytest.raises(StorageError, match="not in the study's folder"):
        from_json(plain)


def test_modules_that_are_named_at_run_time_count_where_they_may_be(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.py").touch()
    (tmp_path / "task.py").write_text("import one, numpy, raysearch\n")
    assert set(read_code(tmp_path / "task.py")) == {"task.py", "one.py"}
    (tmp_path / "task.py").write_text("import importlib\nimportlib.import_module(input())\n")
    assert set(read_code(tmp_path / "task.py")) == {"task.py", "one.py", "two.py"}


def test_only_what_may_lie_beside_is_looked_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package has tens of thousands of files; one that the task is a part of is its own."""
    package = tmp_path / "analysis"
    (package / "inner").mkdir(parents=True)
    for name in ("__init__.py", "inner/deep.py", "inner/__init__.py"):
        (package / name).touch()
    (package / "inner/task.py").write_text("import numpy\nimport torch\nimport analysis\n")
    (tmp_path / "task.py").write_text("import torch, analysis\n")
    looked_at: list[Path] = []
    real = Path.rglob
    monkeypatch.setattr(
        Path, "rglob", lambda place, pattern: (looked_at.append(place), real(place, pattern))[1]
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert set(read_code(tmp_path / "task.py")) == {
        *("task.py", "analysis/__init__.py", "analysis/inner/__init__.py"),
        *("analysis/inner/deep.py", "analysis/inner/task.py"),
    }
    assert set(read_code(package / "inner/task.py")) == {"task.py", "__init__.py", "deep.py"}
    assert {*looked_at} == {package}
