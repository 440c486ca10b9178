"""Do a trial's runs again, and say whether they come to what the ledger has."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raysearch.errors import InputError, StoppedError
from raysearch.files import owners_only
from raysearch.ledger.history import History, read_history
from raysearch.ledger.ledger import FILE_NAME, read_entries
from raysearch.ledger.run_records import Ended
from raysearch.ledger.scanning import seal
from raysearch.ledger.study_records import Opened
from raysearch.ledger.trial_history import RunHistory, TrialHistory
from raysearch.library.reproduced import Reproduced, differences
from raysearch.library.watching import Watcher
from raysearch.study.folders import name_of

if TYPE_CHECKING:
    from raysearch.launch.request import Where
    from raysearch.study.again import TrialAgain

PACKAGES = ("torch", "numpy")  # whose versions decide the bits of training
FACTS = ("device", "kernel", "workers", "changing_workers")  # noted of each run, which decide its bits


@owners_only()
def reproduce(folder: Path, trial: str | int, where: Where, watcher: Watcher) -> Reproduced:
    """Do a trial's runs again with their seeds, on the study's data and by its code.

    Nothing of the study is written to. On the machine that the trial was trained on (the same processor,
    versions of torch and numpy, kernel and device) every epoch's metrics, the objective and the weights must
    be the same to the bit; elsewhere the figures within 2 % or 0.002, and the weights are not compared.

    Args:
        folder: of the study.
        trial: ``best`` or a number.
        where: what carries the runs out.
        watcher: told what goes on.

    Raises:
        InputError: no such trial, it has no result, data or task are not what they were, or the weights that
            it began from are not kept.
        NoFinishedTrialError: there is no best yet.
        RaysearchError: as :func:`raysearch.tune`.
    """
    from raysearch.launch.own_code import Settled, copy_code, reference_of
    from raysearch.launch.unchanged import check_unchanged

    history = read_history(folder)
    found = history.trial(str(trial))
    if found.state not in {"finished", "pruned"}:
        raise InputError(f"trial {found.number} of {name_of(folder)} is {found.state}; it has no result")
    parents = _parents(folder, history, found)
    watcher.say(f"{name_of(folder)}: checking that task and data are the same")
    space_file = check_unchanged(  # other versions are no error here, but told
        folder, allow_skew=True, settled=Settled(reference_of(folder, history, found.runs[0].code))
    )
    watcher.say(f"training trial {found.number} again")
    began = time.monotonic()
    # Machines of a cluster must see it, as they do the studies; on this one the system's place will do.
    near = None if where.address is None else folder.parent
    with tempfile.TemporaryDirectory(prefix=".reproduce-", dir=near) as scratch:
        copy = Path(scratch) / "again" / folder.name  # so deep that nobody takes it for one of the studies
        _copy(folder, copy, parents)
        for run in found.runs:
            copy_code(folder, history, run.code, copy)
        again = _carry_out(copy, found.number, where, space_file.resources)
    elsewhere = tuple(_elsewhere(folder, again))
    return Reproduced(
        study=name_of(folder),
        trial=found.number,
        epochs=sum(len(now.epochs) for now in again.now),
        elsewhere=elsewhere,
        differences=tuple(differences(history, again.before, again.now, exactly=not elsewhere)),
        seconds=time.monotonic() - began,
    )


def _parents(folder: Path, history: History, trial: TrialHistory) -> list[str]:
    """Checkpoints, inside the study's folder, that the trial's runs begin from."""
    begun = [history.inherited(trial.number, run.fold) for run in trial.runs]
    weights = [ended.weights for ended in begun if ended and ended.weights]
    if any(not (folder / path).is_file() for path in weights):
        raise InputError(
            f"trial {trial.number} of {name_of(folder)} began from the weights of trial {trial.parent}, "
            "which are not kept (storage.keep)"
        )
    return weights


def _copy(folder: Path, to: Path, parents: Iterable[str]) -> None:
    """Copy what a trial's runs need: the ledger's whole records, and the weights that they begin from."""
    to.mkdir(parents=True)
    (to / FILE_NAME).write_bytes(b"".join(seal(entry) for entry in read_entries(folder)))
    for path in parents:
        (to / path).parent.mkdir(parents=True, exist_ok=True)
        (to / path).write_bytes((folder / path).read_bytes())


def _carry_out(copy: Path, trial: int, where: Where, resources: Any) -> TrialAgain:  # noqa: ANN401 - a section
    """Do the runs of a trial on the copy of its study.

    Raises:
        StoppedError: a signal.
    """
    from raysearch.cluster.open_executor import executor_for
    from raysearch.launch.stop_flag import StopFlag
    from raysearch.ledger.ledger import Ledger
    from raysearch.study.again import TrialAgain

    with executor_for(where, resources) as executor, Ledger(copy) as ledger, StopFlag() as stop:
        again = TrialAgain(ledger, trial)
        executor.execute(again, stop)
        if stop.signal_number is not None:
            raise StoppedError("stopped; nothing was kept", stop.signal_number)
    return again


def _elsewhere(folder: Path, again: TrialAgain) -> Iterator[str]:
    """What decides bits and is not what it was when the trial was trained."""
    from raysearch.launch.versions import cpu_model, versions

    opened = _session_of(folder, again.before[0])
    now = versions()
    pairs: list[tuple[str, Any, Any]] = [("processor", opened.cpu, cpu_model())]
    pairs += [(name, opened.versions.get(name), now[name]) for name in PACKAGES]
    for before, run in zip(again.before, again.now, strict=True):
        assert before.ended is not None
        assert run.ended is not None
        facts = ((name, before.ended.facts.get(name), run.ended.facts.get(name)) for name in FACTS)
        # A version that did not note the kernel yet says nothing of it.
        pairs += [(name, old, new) for name, old, new in facts if old is not None]
    for name, old, new in dict.fromkeys(pairs):
        if old != new:
            yield f"{name}: {new}, where it was trained {old}"


def _session_of(folder: Path, run: RunHistory) -> Opened:
    """The session in which a run ended."""
    session: Opened | None = None
    for entry in read_entries(folder):
        record = entry.record
        if isinstance(record, Opened):
            session = record
        elif isinstance(record, Ended) and (record.trial, record.fold) == (run.trial, run.fold):
            break
    assert session is not None  # nothing ends before a study is opened
    return session
