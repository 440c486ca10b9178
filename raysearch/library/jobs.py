"""The jobs of carrying studies out: one that begins, or one that goes on and is checked to be the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from raysearch.errors import InputError
from raysearch.launch.request import NO_WISH, Wish
from raysearch.launch.versions import deciding_proposals
from raysearch.ledger.history import History, read_history
from raysearch.ledger.ledger import Ledger
from raysearch.ledger.place import as_copy, copied_from
from raysearch.library.report_writer import BEING_WRITTEN, PAGE, report_state, write_report
from raysearch.library.watching import Watcher
from raysearch.space.run_limits import limits_in
from raysearch.space.space_file import SpaceFile
from raysearch.study.folders import has_begun, name_of
from raysearch.study.mending import lost_weights, needed_weights, sound_in
from raysearch.study.proof import FILE_NAME as PROOF
from raysearch.study.proof import Proof

if TYPE_CHECKING:
    from raysearch.launch.prepare import Prepared


@dataclass(frozen=True)
class Job:
    """A study to carry out: how to open its ledger (given the slots), and its checked space file."""

    open_ledger: Callable[[int], Ledger]
    space_file: SpaceFile
    wish: Wish


def begin(prepared: Prepared, folder: Path, wish: Wish, series: str = "") -> Job:
    """Make the job of a study that begins."""
    from raysearch.launch.begin import create_study

    # Not made yet: a folder is made when Ray is up, and not where that fails.
    return Job(lambda slots: create_study(prepared, folder, slots, series), prepared.space_file, wish)


def go_on(folder: Path, wish: Wish, watcher: Watcher, *, allow_skew: bool) -> Job | None:
    """Make the job of a study that was begun, after the checks that it is still the same; None if it is done.

    The report of one that is done is written here, if it is not that of all its records.

    Raises:
        StudyBusyError: another process holds it.
        InputError: data, task or packages are not what they were.
        StorageError: its ledger is damaged.
    """
    from raysearch.tracking.mirror import start_mirror

    with Ledger(folder) as ledger:  # busy or damaged: say so before anything else
        if original := copied_from(folder, ledger.entries):
            watcher.say(f"{name_of(folder)}: a copy of {original}; from here on it is a study of its own")
            ledger.append([as_copy(folder, ledger.entries, original)])
        done = _n_done(ledger)
        refusal = Proof(ledger, deciding_proposals()).refusal
    if done and not wish.extra_trials and not wish.retry_failed:
        # Whoever was writing it may have been killed; of a copy it is that of the original.
        if report_state(folder) not in {BEING_WRITTEN, str(folder / PAGE)}:
            watcher.say(f"{name_of(folder)}: writing the report")
            write_report(folder)
        start_mirror(folder)  # the last one may have died, or its database been deleted
        watcher.nothing_left(folder, done)
        return None
    if refusal:
        watcher.say(f"{name_of(folder)}: {PROOF} is not used ({refusal}); its search is proven once more")
    watcher.say(f"{name_of(folder)}: checking that task, data and packages are the same")
    from raysearch.launch.own_code import settle_code
    from raysearch.launch.unchanged import check_unchanged

    history = read_history(folder)
    settled = settle_code(folder, history, wish.code, watcher.say)
    space_file = check_unchanged(folder, allow_skew=allow_skew, wish=wish, settled=settled, say=watcher.say)
    # Ray is started for what the runs take from here on.
    memory = {"memory": {**history.limits, **wish.limits}["memory"]}
    resources = space_file.resources.model_copy(update=memory)
    space_file = space_file.model_copy(update={"resources": resources})
    return Job(lambda _: Ledger(folder), space_file, replace(wish, recode=settled.recode))


def wish_of(folder: Path, space_file: SpaceFile) -> Wish:
    """Check that a study, if it exists, is one of this space; tell what the file has anew: budget, limits.

    Raises:
        InputError: it is not; every difference is named.
    """
    if not has_begun(folder):
        return NO_WISH
    created = read_history(folder).created
    there = SpaceFile.model_validate(created.space_file)
    if _is_moved(there.task, space_file.task):
        space_file = space_file.model_copy(update={"task": there.task})
    if created.identity != space_file.identity:
        before, now = _flat(created.space_file), _flat(space_file.model_dump(mode="json"))
        differing = [key for key in {**before, **now} if before.get(key) != now.get(key)]
        raise InputError(
            f"{folder} is a study of another space; give another --name. It differs in:",
            *(
                f"  {key}: {before.get(key, 'absent')} there, {now.get(key, 'absent')} here"
                for key in differing
            ),
        )
    if there.storage.keep != space_file.storage.keep:
        raise InputError(
            f"storage.keep: {folder} keeps {there.storage.keep}, not {space_file.storage.keep}; "
            "what was deleted does not come back"
        )
    # They decide no result, and so may change with the file.
    disk = None if space_file.storage.disk == there.storage.disk else space_file.storage.disk
    before, now = limits_in(created.space_file), limits_in(space_file.model_dump(mode="json"))
    return Wish(disk=disk, limits={name: limit for name, limit in now.items() if limit != before[name]})


def _is_moved(before: str, now: str) -> bool:
    """Whether a task of the user's own is one of the same name elsewhere; its code is compared by itself."""
    path = before.rpartition(":")[0]
    return path.endswith(".py") and not Path(path).is_file() and Path(before).name == Path(now).name


def _n_done(ledger: Ledger) -> int:
    """How many trials a study has that is complete, with weights, test figures and report; 0 if it is not."""
    history = History(ledger.entries)
    if not history.is_complete or history.to_redo:
        return 0
    if lost_weights(history, needed_weights(history), sound_in(ledger.folder)):
        return 0
    runs = set() if history.best is None else {(run.trial, run.fold) for run in history.best.runs}
    is_tested = runs <= {(record.trial, record.fold) for record, _ in history.tests}
    # One that was killed between its last trial and its report still has both to do.
    is_reported = (ledger.folder / PAGE).is_file() or report_state(ledger.folder) == BEING_WRITTEN
    return history.n_trials if is_tested and is_reported else 0


def _flat(tree: object, prefix: str = "") -> dict[str, object]:
    """Values of nested mappings by their dotted keys."""
    if not isinstance(tree, dict):
        return {prefix: tree}
    return {
        key: value
        for name, inner in tree.items()
        for key, value in _flat(inner, f"{prefix}.{name}" if prefix else str(name)).items()
    }
