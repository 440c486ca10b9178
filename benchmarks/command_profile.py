"""Where the processor seconds of a whole command go, process by process: to the first run, and in all.

    python benchmarks/command_profile.py [--side raysearch] [--runs 60] [--memory]

Carries one side of ``whole_command.py`` out and looks at all of its processes ten times a second. Seconds of
the processor grow less on a busy machine than those of the clock, but do grow, by a third and more.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from whole_command import commands, told


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--side", default="raysearch")
    parser.add_argument("--runs", type=int, default=60)
    parser.add_argument("--memory", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        command = commands(arguments.runs, Path(folder))[arguments.side]
        one = told(command, with_memory=arguments.memory)
    rows: dict[str, list[float]] = defaultdict(lambda: [0, 0.0, 0.0, 0.0])
    for member in one.family.members.values():
        row = rows[member.kind]
        row[0] += 1
        row[1] += member.until(one.first_run_at_s)
        row[2] += member.until(float("inf"))
        row[3] += member.most_bytes / 1e6
    print(f"{arguments.side}: {one.to_first_s:.1f} s to the first run, load {os.getloadavg()[0]:.1f}")
    print(f"{'':<26}{'number':>8}{'to first run':>14}{'in all':>10}" + ("    MB" if arguments.memory else ""))
    rows["together"] = [sum(row[place] for row in rows.values()) for place in range(4)]
    for kind, (n_processes, to_first, in_all, megabytes) in rows.items():
        memory = f"{megabytes:6.0f}" if arguments.memory else ""
        print(f"{kind:<26}{n_processes:>8}{to_first:>14.2f}{in_all:>10.2f}{memory}")


if __name__ == "__main__":
    sys.exit(main())
