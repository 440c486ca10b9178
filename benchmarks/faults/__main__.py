"""The campaign's command; see the package."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

from benchmarks.faults.goals import Bench, Goal, Result
from benchmarks.faults.results import Results
from benchmarks.faults.rows import GOALS
from benchmarks.faults.table import into, table


def carry_out(goal: Goal, results: Results, n: int, minutes: float | None) -> None:
    """Go on with a goal until there are ``n`` tries, or the minutes are over."""
    if why := goal.missing():
        print(f"{goal.name}: could not be tried: {why}", flush=True)
        return
    began, first = time.monotonic(), results.tries(goal.name)
    if first >= n:
        return
    with tempfile.TemporaryDirectory(prefix=f"faults-{goal.name}-") as scratch:
        for result in goal.scenario(Bench(Path(scratch)), first, n - first):
            results.add(result.goal or goal.name, result)
            _tell(goal, result, results)
            if minutes is not None and time.monotonic() - began > minutes * 60:
                print(f"{goal.name}: {minutes:g} minutes are over", flush=True)
                return


def went_well(goal: Goal, results: Results, n: int | None, minutes: float | None) -> bool:
    """Carry a goal out; a scenario that breaks itself is told and keeps no other one back."""
    try:
        carry_out(goal, results, n or goal.tries, minutes)
    except Exception:  # noqa: BLE001 - of whatever a scenario looks at
        print(f"{goal.name}: broke off\n{traceback.format_exc()}", flush=True)
        return False
    return True


def _tell(goal: Goal, result: Result, results: Results) -> None:
    done = results.tries(goal.name)
    print(
        f"{result.goal or goal.name}: {result.survived} of {result.tries} survived, {result.seconds:.1f} s; "
        f"{done} tries so far {result.note}",
        flush=True,
    )


def main() -> None:
    """Try goals, or write the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    parser.add_argument("goals", nargs="*", metavar="GOAL", help="such as R1 R5; default: all")
    parser.add_argument("--tries", type=int, help="so many of each, the ones behind included")
    parser.add_argument("--minutes", type=float, help="stop with a goal after so long")
    parser.add_argument("--results", type=Path, default=Path("fault-campaign"), help="folder, gone on with")
    parser.add_argument("--table", action="store_true", help="print the table of what is there, try nothing")
    parser.add_argument("--into", type=Path, metavar="FILE", help="put the table between its marks in a file")
    asked = parser.parse_args()
    known = {goal.name: goal for goal in GOALS}
    if unknown := sorted(set(asked.goals) - set(known)):
        parser.error(f"{', '.join(unknown)}: the goals that can be tried are {', '.join(known)}")
    # Behind an ampersand or nohup they are ignored, and so they would be in the drivers that are started.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    results = Results(asked.results)
    if not (asked.table or asked.into):
        goals = [known[name] for name in asked.goals] or GOALS
        sys.exit(sum(not went_well(goal, results, asked.tries, asked.minutes) for goal in goals))
    written = table(results)
    if asked.into:
        into(asked.into, written)
    else:
        print(written)


if __name__ == "__main__":
    main()
