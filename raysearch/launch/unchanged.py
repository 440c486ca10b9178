"""What decided a study's results so far, compared with what is here now, before it goes on."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from raysearch.data.source import changes
from raysearch.errors import InputError
from raysearch.launch.disk_need import check_budget, disk_need
from raysearch.launch.own_code import Settled, settle_code
from raysearch.launch.prepare import rehearsed
from raysearch.launch.request import NO_WISH, Wish
from raysearch.launch.versions import versions
from raysearch.ledger.history import History
from raysearch.ledger.ledger import read_entries
from raysearch.space.space_file import SpaceFile

# Another version of one of these may round or draw otherwise; a replay of the search would then differ.
DECIDES_BITS = ("raysearch", "torch", "optuna", "nevergrad", "numpy")


def check_unchanged(
    folder: Path,
    *,
    allow_skew: bool,
    wish: Wish = NO_WISH,
    settled: Settled | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> SpaceFile:
    """Check that what decided a study's results is still the same, and return its space file.

    Args:
        folder: of the study.
        allow_skew: go on although packages have changed.
        wish: what is asked for beyond going on.
        settled: the code of the user's own task that it goes on with; by default its own, unchanged.
        say: told what is no reason to refuse and decides bits.

    Raises:
        InputError: data, task code or package versions differ, all differences are named; or what is wished
            for does not fit into the disk budget.
    """
    history = History(read_entries(folder))
    created = history.created
    space_file = SpaceFile.model_validate(created.space_file)
    problems = []
    # Anew on a resume: it hashes the data, and this machine may lack what the first one had.
    settled = settled or settle_code(folder, history, wish.code, lambda _: None)
    rehearsal = rehearsed(space_file, settled.reference)
    problems += changes(created.data["files"], rehearsal.data["files"], "the study began")
    if history.sessions and not allow_skew:
        # Against the first session: a skew that was allowed once must not become the measure of the next one.
        before, now = history.sessions[0][0].versions, versions()
        problems += [
            f"{name}: {before.get(name)} when the study began, {now[name]} now; install that version, "
            "or accept other bits from here on with --allow-skew"
            for name in DECIDES_BITS
            if before.get(name) != now[name]
        ]
    if problems:
        raise InputError(*problems)
    if problem := _another_kernel(history, rehearsal.kernels):
        say(problem)
    # A window is widened and never narrowed: what was asked ahead is in the ledger.
    window = max(history.window, wish.window or 0)
    need = disk_need(space_file, rehearsal, window, history.n_trials + wish.extra_trials)
    check_budget(need, wish.disk or history.disk)
    return space_file


def _another_kernel(history: History, here: Collection[str]) -> str:
    """Say that runs from here on compute by another kernel than those before did; or nothing."""
    runs = [run.ended for trial in history.trials for run in trial.runs if run.ended]
    # A version that did not note it yet says nothing of it, and nor does a model that asks for none.
    before = [str(ended.facts["kernel"]) for ended in runs if "kernel" in ended.facts]
    now = " and ".join(sorted(here))
    if not before or not now or set(before) == {now}:
        return ""
    return (
        f"its runs so far were computed by this kernel: {', '.join(sorted(set(before)))}; "
        f"this machine has: {now}; the ledger notes it of each run, and their bits differ"
    )
