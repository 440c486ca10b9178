"""Known holes in the pinned packages: each is closed by its pin, or listed with a reason and a date.

    python tools/audit.py             # docs/advisories.toml against constraints.txt, without network
    python tools/audit.py --online    # and what pip-audit's database knows of them

Ends with 1 when a hole is open and not listed, or a listed one is none; with 69 when the
database does not answer.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
NO_DATABASE = 69


def pins(constraints: Path) -> dict[str, str]:
    """Read the version of every package of a constraints file."""
    lines = (line.partition("#")[0].strip() for line in constraints.read_text(encoding="utf-8").splitlines())
    requirements = [Requirement(line) for line in lines if line]
    return {canonicalize_name(each.name): next(iter(each.specifier)).version for each in requirements}


def listed_faults(advisories: list[dict[str, Any]], pinned: dict[str, str]) -> list[str]:
    """Say which advisories are open without a reason and a date, and which of those with one are not open."""
    faults = []
    for each in advisories:
        name = f"{each['package']} {each['id']}"
        version = pinned.get(canonicalize_name(each["package"]))
        if version is None:
            faults.append(f"{name}: constraints.txt does not pin {each['package']}")
        elif SpecifierSet(each["affected"]).contains(version, prereleases=True):
            if not (each.get("accepted") and each.get("date")):
                faults.append(f"{name}: {version} is affected ({each['about']}), with no reason and date")
        elif "accepted" in each:
            faults.append(f"{name}: {version} is not affected any more; take `accepted` out")
    return faults


def found_online(constraints: Path) -> tuple[list[tuple[str, set[str]]], str]:
    """Ask pip-audit; return each finding's package and names, and why some packages were not looked at."""
    command = [sys.executable, "-m", "pip_audit", "-r", str(constraints), "--no-deps", "--disable-pip"]
    done = subprocess.run(
        [*command, "-f", "json", "--progress-spinner", "off"], capture_output=True, text=True, check=False
    )
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except ValueError:
        return [], (done.stderr.strip().splitlines() or ["pip-audit said nothing"])[-1]
    findings = [
        (canonicalize_name(package["name"]), {finding["id"], *finding["aliases"]})
        for package in packages
        for finding in package.get("vulns", [])
    ]
    skipped = [package["skip_reason"] for package in packages if "skip_reason" in package]
    return findings, f"{len(skipped)} of {len(packages)} packages: {skipped[0]}" if skipped else ""


def main() -> int:
    """Compare, print what is wrong, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--constraints", type=Path, default=ROOT / "constraints.txt")
    parser.add_argument("--advisories", type=Path, default=ROOT / "docs/advisories.toml")
    parser.add_argument("--online", action="store_true", help="ask pip-audit's database too")
    wish = parser.parse_args()
    advisories = tomllib.loads(wish.advisories.read_text(encoding="utf-8"))["advisory"]
    faults, silent = listed_faults(advisories, pins(wish.constraints)), ""
    if wish.online:
        findings, silent = found_online(wish.constraints)
        accepted = {(canonicalize_name(each["package"]), each["id"]) for each in advisories}
        faults += [
            f"{package} {' '.join(sorted(names))}: found by pip-audit, not in the list"
            for package, names in findings
            if not accepted & {(package, name) for name in names}
        ]
    n_open = sum("accepted" in each for each in advisories)
    print("\n".join(faults) or f"{len(advisories)} advisories, {n_open} of them open and accepted")
    if silent:
        print(f"the database of advisories did not answer for {silent}")
    return 1 if faults else NO_DATABASE if silent else 0


if __name__ == "__main__":
    sys.exit(main())
