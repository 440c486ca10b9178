"""The campaign's table as markdown: a row for each goal, as measured."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.faults.goals import Goal, NotReached, Proof
from benchmarks.faults.results import Results, Sum
from benchmarks.faults.rows import GOALS, NOT_REACHED, PROOFS

BEGIN, END = "<!-- the table of the fault campaign -->", "<!-- end of the table -->"
HEAD = (
    "| goal | fault | tries | survived | lost | repeated | seconds | measured |\n"
    "|---|---|---|---|---|---|---|---|\n"
)


def table(results: Results) -> str:
    """Write the table of what is there, with the command and where and when it was measured."""
    sums = {goal.name: results.sum(goal.name) for goal in GOALS} | {"R18": results.sum("R18")}
    rows = {goal.name: _tried(goal, sums[goal.name]) for goal in GOALS}
    rows |= {proof.name: _proved(proof, sums.get(proof.name)) for proof in PROOFS}
    rows |= {row.name: _not_reached(row) for row in NOT_REACHED}
    where = sorted({place for found in sums.values() for place in found.where})
    days = sorted({day for found in sums.values() for day in found.days})
    when = " to ".join(dict.fromkeys([*days[:1], *days[-1:]])) or "nothing yet"
    told = f"`python -m benchmarks.faults`, {', '.join([when, *where])}."
    return f"{told}\n\n{HEAD}" + "".join(rows[name] for name in sorted(rows, key=lambda name: int(name[1:])))


def into(page: Path, written: str) -> None:
    """Put the table between its marks in a page.

    Raises:
        ValueError: the page has no such marks.
    """
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page}: has no {BEGIN} and {END}")
    page.write_text(f"{before}{BEGIN}\n{written}{END}{after}", encoding="utf-8")


def _row(*cells: object) -> str:
    return f"| {' | '.join(str(cell).replace('|', '/') for cell in cells)} |\n"


def _tried(goal: Goal, found: Sum) -> str:
    if not found.tries:
        why = goal.missing()
        return _row(
            goal.name, goal.fault, 0, *"----", f"could not be tried: {why}" if why else "not yet tried"
        )
    # What was measured of each study is told once; what went wrong as often as it did.
    told = "; ".join(found.notes[:4]) + ("; ..." if len(found.notes) > 4 else "")
    told = "; ".join(filter(None, [told, f"{found.late} took longer than that" if found.late else ""]))
    if found.tries < goal.tries:
        told = f"{told}; the goal is {goal.tries:,} tries".removeprefix("; ")
    return _figures(goal.name, goal.fault, found, told)


def _figures(name: str, fault: str, found: Sum, told: str) -> str:
    counts = (
        f"{found.tries:,}",
        f"{found.survived:,}",
        found.lost,
        f"{found.repeated:g}",
        f"{found.seconds:.0f}",
    )
    return _row(name, fault, *counts, told)


def _proved(proof: Proof, found: Sum | None) -> str:
    if found is not None and found.tries:
        return _figures(proof.name, proof.fault, found, "; ".join([proof.cases, *found.notes[:2]]))
    if not proof.tests:
        return _row(proof.name, proof.fault, 0, *"----", f"not yet tried: {proof.cases}")
    names = ", ".join(f"`{name}`" for name in proof.tests)
    cases = f"; {proof.cases}" if proof.cases else ""
    return _row(proof.name, proof.fault, f"{_n_cases(proof.tests)} tests", *"----", f"{names}{cases}")


def _n_cases(tests: tuple[str, ...]) -> int:
    """Count the cases of tests, a parametrised one's each."""
    command = [sys.executable, "-m", "pytest", "-qq", "-n0", "--collect-only", *tests]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return sum(int(line.rpartition(": ")[2]) for line in listed.splitlines() if ": " in line)


def _not_reached(row: NotReached) -> str:
    return _row(row.name, row.fault, 0, *"----", f"not reached: {row.why}")
