"""All rows of the campaign's table: what is tried here, what a test proves, what is not reached."""

from __future__ import annotations

from benchmarks.faults import (
    chaos,
    checkpoints,
    disks,
    files,
    hangs,
    kills,
    nodes,
    seeds,
    signals,
    soak,
    syscalls,
)
from benchmarks.faults.goals import Goal, NotReached, Proof

# The quick ones first: a campaign that is cut short has the most rows so.
GOALS: tuple[Goal, ...] = (
    *(*checkpoints.GOALS, *disks.GOALS, *files.GOALS, *syscalls.GOALS),
    *(*kills.GOALS, *hangs.GOALS, *seeds.GOALS, *nodes.GOALS, *signals.GOALS),
    *(*chaos.GOALS, *soak.GOALS),
)
PROOFS = (
    Proof(
        "R4",
        "the ledger cut at every byte: the torn record is lost at most; every flipped bit is told",
        (
            "tests/ledger/test_ledger.py::test_a_cut_at_every_byte_loses_only_the_torn_record",
            "tests/ledger/test_ledger.py::test_every_flipped_bit_is_reported",
        ),
        "each byte of a ledger; three bits of each",
    ),
    Proof(
        "R9",
        "a loss that is no number: its trial has failed, is never the best, and harms no search",
        (
            "tests/training/test_training.py::test_a_loss_that_is_no_number_fails_the_run_with_its_epoch",
            "tests/study/test_study.py::test_failed_trials_are_never_best_and_do_not_stop_the_study",
            "tests/search/test_contract.py::test_failed_trials_do_not_harm_and_their_region_is_avoided",
        ),
    ),
    Proof(
        "R13",
        "wrong space files: refused with all their errors, each with its line",
        ("tests/space/test_space_file.py",),
    ),
    Proof(
        "R15",
        "simultaneous starts: one runs; the lock of a killed holder is free at once",
        (
            "tests/ledger/test_ledger.py::test_of_many_simultaneous_openers_one_wins",
            "tests/ledger/test_ledger.py::test_the_lock_dies_with_its_holder_and_names_it",
        ),
    ),
    Proof(
        "R16",
        "MLflow dead, locked, a black hole or answering 500: nothing waits for it, every record once at last",
        ("tests/tracking/test_mirror.py",),
    ),
    Proof("R18", "no process of a study is left 10 s after the `kill -9` of its driver", (), "kills of R1"),
    Proof(
        "R19",
        "other versions of packages than the study's: refused with the differences",
        ("tests/launch/test_version_skew.py",),
    ),
    Proof(
        "R20",
        "what is missing or full on a machine: one line and the right exit code before a run",
        ("tests/cli/test_exit_codes.py", "tests/doctor"),
    ),
    Proof("R21", "the clock an hour or ten years on or back: no difference", ("tests/study/test_clock.py",)),
)
NOT_REACHED = (
    NotReached("R25", "the cost: 5 ms a record, 1 % of trials of 10 s", "see benchmarks/study_overhead.py"),
    NotReached(
        "R26", "each test fails without the code that it tests", "seen by hand, not by a mutation tool"
    ),
    NotReached("R27", "all branches of ledger, checkpoints and lock", "coverage is not measured"),
)
