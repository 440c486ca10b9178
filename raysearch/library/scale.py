"""How a run scales: the same one on several numbers of workers, as a series of studies."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from raysearch.errors import InputError
from raysearch.files import owners_only
from raysearch.library.one_run import one_run, pinned
from raysearch.library.opened_series import OpenedSeries
from raysearch.library.overrides import Overrides, override_texts
from raysearch.library.space_files import SpaceSource
from raysearch.library.start import start
from raysearch.library.tune import where_runs
from raysearch.library.watching import Show, Watcher, watcher_for
from raysearch.space.domains import ChoiceDomain
from raysearch.space.space_file import SpaceFile, change_space_file
from raysearch.study.folders import RUNS, study_folder

Kinds = Literal["weak", "strong", "both"]


@owners_only()
def scale(
    space: SpaceSource,
    *,
    workers: Sequence[int],
    kinds: Kinds = "both",
    batches: Sequence[int] = (),
    name: str | None = None,
    variant: str | None = None,
    runs: str | Path = RUNS,
    address: str | None = None,
    resume: bool = False,
    show: Show | Watcher = "auto",
    set: Overrides = (),
    **overrides: Any,
) -> OpenedSeries:
    """Measure how a run scales with its workers; the series' report projects it to 256.

    Members: one worker; for each number W of them a run whose workers keep their rows a step (weak), one
    whose batch is dealt to them (strong), and W processes at the same time that know nothing of each other
    (apart), which is what the machine can do.

    Args:
        space: as for :func:`raysearch.train`.
        workers: numbers of workers; one is measured in any case, and alone if there are ``batches``.
        kinds: ``weak``, ``strong`` or ``both``.
        batches: one worker with so many times the batch, each, to see what the batch alone does to the
            physics.
        name: of the series; by default SPACE-scale-TIME.
        variant: of the space; by default its first, if it has any.
        runs: folder that holds the studies.
        address: of a Ray cluster; see :func:`raysearch.tune`.
        resume: go on if a series of that name exists.
        show: see :func:`raysearch.library.watching.watcher_for`.
        set: overrides by key of the space file, or as ``KEY=VALUE`` texts; none of ``search``.
        overrides: words as for :func:`raysearch.tune`, or keys of the space file.

    Raises:
        InputError: numbers of workers or batches are none; or as :func:`raysearch.train`.
        RaysearchError: as :func:`raysearch.tune`.
    """
    watcher = watcher_for(show)
    several = [number for number in dict.fromkeys(workers) if number != 1]
    if min(workers, default=0) < 1 or not (several or batches):
        given = ",".join(map(str, workers))
        raise InputError(
            f"--workers {given}: must be whole numbers, one of them above 1, such as 1,2,4; 1 alone is for "
            "--batches"
        )
    if any(times < 2 for times in batches):
        raise InputError(
            f"--batches {','.join(map(str, batches))}: must be whole numbers from 2 on, such as 4,16"
        )
    texts = override_texts(overrides, set, watcher.say)
    run, label = one_run(space, texts, variant, watcher.say)
    stamp = time.strftime("%Y%m%d-%H%M%S")
    folder = study_folder(Path(runs), name or f"{label}-scale-{stamp}")
    if others := [name for name in run.agreements if name != "allreduce"]:
        raise InputError(
            f"agreement: {others[0]}: one worker, the base of a scaling, has nobody to agree with; "
            "leave it out, or compare agreements with variants"
        )
    members = dict(members_of(run, sorted(several, reverse=True), kinds, batches))
    start(members, folder, where_runs(address, local=False), watcher, resume=resume)
    return OpenedSeries(folder)


def members_of(
    run: SpaceFile, several: Sequence[int], kinds: Kinds, batches: Sequence[int]
) -> Iterator[tuple[str, SpaceFile]]:
    """The studies, those first that need most: where there are too few CPUs it is told at once."""
    run, batch = change_space_file(run, ["budget.folds=1", "budget.repeats=1"]), _count(run, "batch_size")
    before = _count(run, "accumulate") if "accumulate" in run.space else 1
    for workers in several:
        together = f"resources.workers={workers}"
        if kinds != "strong":
            yield (
                f"weak-{workers}",
                change_space_file(run, [together, pinned(run, "batch_size", batch * workers)]),
            )
        if kinds != "weak":
            yield f"strong-{workers}", change_space_file(run, [together])
    alone = change_space_file(run, ["resources.workers=1"])
    for workers in several:
        yield f"apart-{workers}", change_space_file(alone, [f"budget.repeats={workers}"])
    yield "one", alone
    for times in batches:
        # Accumulated, so that a batch of 256 workers needs the memory of one.
        yield f"batch-{times}x", change_space_file(alone, [pinned(run, "accumulate", before * times)])


def _count(run: SpaceFile, name: str) -> int:
    """A setting that counts rows or batches."""
    entry = run.space.get(name)
    value = entry.values[0] if isinstance(entry, ChoiceDomain) else entry
    if not isinstance(value, int):
        raise InputError(
            f"space.{name}: rows of a step are what is scaled; give it, as --set space.{name}=64"
        )
    return value
