"""One run without a search: a study of one trial, whose settings are given."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from raysearch.files import owners_only
from raysearch.library.one_run import one_run
from raysearch.library.opened_study import OpenedStudy
from raysearch.library.overrides import Overrides, override_texts
from raysearch.library.space_files import SpaceSource
from raysearch.library.start import checked, start
from raysearch.library.tune import where_runs
from raysearch.library.watching import Show, Watcher, watcher_for
from raysearch.study.folders import RUNS, study_folder


@owners_only()
def train(
    space: SpaceSource,
    *,
    workers: int | None = None,
    name: str | None = None,
    variant: str | None = None,
    runs: str | Path = RUNS,
    address: str | None = None,
    local: bool = False,
    resume: bool = False,
    show: Show | Watcher = "auto",
    set: Overrides = (),
    **overrides: Any,
) -> OpenedStudy:
    """Train one network: a study of one trial, which resumes, reports and predicts like any other.

    ``raysearch.train("jet-dnn", workers=2, epochs=3, **{"space.neurons": 40})``

    Args:
        space: a task, or a space as for :func:`raysearch.tune`; what the space searches has its published
            value, else the task's default, unless an override says ``space.NAME``.
        workers: data-parallel workers of the run; by default as the space says.
        name: of the study; by default SPACE-train-TIME.
        variant: of the space; by default its first, if it has any.
        runs: folder that holds the studies.
        address: of a Ray cluster; see :func:`raysearch.tune`.
        local: carry the run out in this process.
        resume: go on if a study of that name exists.
        show: see :func:`raysearch.library.watching.watcher_for`.
        set: overrides by key of the space file, or as ``KEY=VALUE`` texts; none of ``search``.
        overrides: words as for :func:`raysearch.tune`, or keys of the space file.

    Raises:
        InputError: a searched setting has no value, or as :func:`raysearch.tune`.
        RaysearchError: as :func:`raysearch.tune`.
    """
    watcher = watcher_for(show)
    texts = override_texts({**overrides, "resources.workers": workers}, set, watcher.say)
    run, label = one_run(space, texts, variant, watcher.say)
    folder = _place(Path(runs), name, label)
    start({"": run}, folder, where_runs(address, local=local), watcher, resume=resume)
    return OpenedStudy(folder)


@owners_only()
def check_run(
    space: SpaceSource,
    *,
    workers: int | None = None,
    name: str | None = None,
    variant: str | None = None,
    runs: str | Path = RUNS,
    local: bool = False,
    show: Show | Watcher = "auto",
    set: Overrides = (),
    **overrides: Any,
) -> None:
    """Check all that can be checked before a run starts, and start nothing; arguments of :func:`train`.

    Raises:
        RaysearchError: as :func:`raysearch.check`.
    """
    watcher = watcher_for(show)
    texts = override_texts({**overrides, "resources.workers": workers}, set, watcher.say)
    run, label = one_run(space, texts, variant, watcher.say)
    checked({"": run}, _place(Path(runs), name, label), watcher, in_process=local)
    watcher.say("dry run: all checks passed, nothing started")


def _place(runs: Path, name: str | None, label: str) -> Path:
    return study_folder(runs, name or f"{label}-train-{time.strftime('%Y%m%d-%H%M%S')}")
