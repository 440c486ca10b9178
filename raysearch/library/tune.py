"""Carry a space out: as a study, or as a series of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raysearch.files import owners_only
from raysearch.launch.request import Where
from raysearch.library.overrides import Overrides, override_texts
from raysearch.library.space_files import SpaceSource, found
from raysearch.library.watching import Show, Watcher, watcher_for
from raysearch.study.folders import RUNS

if TYPE_CHECKING:
    from raysearch.library.opened_series import OpenedSeries
    from raysearch.library.opened_study import OpenedStudy
    from raysearch.space.space_file import SpaceFile

BREEDING = ("pbt", "evolution")  # samplers whose trials go on from others


def where_runs(address: str | None, *, local: bool) -> Where:
    """Where runs are carried out; without an address Ray's own variable ``RAY_ADDRESS`` names a cluster."""
    return Where(address or os.environ.get("RAY_ADDRESS") or None, local)


@owners_only()
def tune(
    space: SpaceSource,
    *,
    name: str | None = None,
    runs: str | Path = RUNS,
    address: str | None = None,
    local: bool = False,
    resume: bool = False,
    variants: Sequence[str] | None = None,
    show: Show | Watcher = "auto",
    set: Overrides = (),
    **overrides: Any,
) -> OpenedStudy | OpenedSeries:
    """Search: carry a space out as a study, in ``runs/NAME``, and open it.

    ``raysearch.tune("jet-dnn", trials=4, seed=2, local=True, **{"budget.epochs": 2})``

    Args:
        space: name of a space file that ships with raysearch, path of your own, or its content as a dict.
        name: of the study; by default SPACE-SAMPLER-TIME.
        runs: folder that holds the studies.
        address: of a Ray cluster, or ``auto`` on its head; by default ``RAY_ADDRESS``, else a Ray of this
            machine's own.
        local: carry runs out in this process, one after another, without Ray.
        resume: go on if a study of that name exists.
        variants: which of the file's variants to carry out; by default all that it has.
        show: see :func:`raysearch.library.watching.watcher_for`.
        set: overrides by key of the space file, or as ``KEY=VALUE`` texts; none says what a word below says,
            too, unless it says the same.
        overrides: ``data``, ``trials``, ``folds``, ``repeats``, ``epochs``, ``sampler``, ``objectives``,
            ``max_parameters``, ``max_mflop``, ``prune``, ``enqueue``, ``disk``, ``keep``, ``time``,
            ``run_time``, ``silence``, ``memory``, ``seed``, or any
            key of the space file, such as ``budget.epochs``.

    Returns:
        The study; a series of them if the space has several variants, or varies a key.

    Raises:
        InputError: the space, its data or an override is wrong, or the folder holds something else.
        NoFinishedTrialError: no trial finished.
        TooManyFailedError: the study is finished, but more of its trials failed than ``budget.max_failed``.
        StoppedError: it was interrupted; everything is saved.
        RaysearchError: see :mod:`raysearch.errors` for the others.
    """
    from raysearch.library.open import open_folder
    from raysearch.library.start import start

    watcher = watcher_for(show)
    members, folder = _members(
        space, variants, override_texts(overrides, set, watcher.say), name, Path(runs), watcher
    )
    start(members, folder, where_runs(address, local=local), watcher, resume=resume)
    return open_folder(folder)


@owners_only()
def check(
    space: SpaceSource,
    *,
    name: str | None = None,
    runs: str | Path = RUNS,
    variants: Sequence[str] | None = None,
    local: bool = False,
    show: Show | Watcher = "auto",
    set: Overrides = (),
    **overrides: Any,
) -> None:
    """Check all that can be checked before a study starts, and start nothing; arguments of :func:`tune`.

    Raises:
        InputError: with all faults of a kind at once.
        FolderError: the folder of studies cannot be written.
        StorageError: there is too little room on the disk.
    """
    from raysearch.library.start import checked

    watcher = watcher_for(show)
    members, folder = _members(
        space, variants, override_texts(overrides, set, watcher.say), name, Path(runs), watcher
    )
    checked(members, folder, watcher, in_process=local)
    watcher.say("dry run: all checks passed, nothing started")


def variants_wanted(space: SpaceSource, first: str | None, others: Sequence[str]) -> list[str]:
    """Of a space file with variants: one, by default its first, and others beside it.

    Raises:
        InputError: the file cannot be read.
    """
    from raysearch.space.variants import variants_of
    from raysearch.space.yaml_file import read_document

    chosen = [first] if first else variants_of(read_document(found(space)[0]))[:1]
    return list(dict.fromkeys([*chosen, *others]))


def _members(
    space: SpaceSource,
    variants: Sequence[str] | None,
    texts: Sequence[str],
    name: str | None,
    runs: Path,
    watcher: Watcher,
) -> tuple[dict[str, SpaceFile], Path]:
    from raysearch.library.moot_pruning import left_out_keys
    from raysearch.library.start import new_folder
    from raysearch.space.series import read_members
    from raysearch.study.folders import is_series
    from raysearch.study.series import read_series

    source, label = found(space)
    without = left_out_keys(source, texts, variants, watcher.say)
    members = read_members(source, texts, variants, without)
    folder = new_folder(runs, name, label, members, watcher)
    if is_series(folder):
        earlier = read_members(source, texts, variants, without, own_seeds=False)
        if {member: each.seed for member, each in read_series(folder).items()} == {
            member: each.seed for member, each in earlier.items()
        }:
            members = earlier  # begun by a version that had one seed for all
    # Told and not refused: the command is right, but may not do what its name promises.
    if variants is not None and not any(map(_evolves, members.values())):
        named = space if isinstance(space, str) else label
        watcher.say(f"{named}: names no strategy, so weights are trained by gradient, as by tune")
    return members, folder


def _evolves(member: SpaceFile) -> bool:
    return member.strategy is not None or member.search.sampler in BREEDING
