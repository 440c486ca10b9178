"""What is installed: floors under known holes, the list of open ones, and the lock with its hashes."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
ADVISORIES = tomllib.loads((ROOT / "docs/advisories.toml").read_text())["advisory"]
OWN = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
LOCKED = {
    canonicalize_name(match[1]): (match[2], re.findall(r"--hash=sha256:([0-9a-f]{64})", block))
    for block in re.split(r"\n(?=\w)", (ROOT / "requirements.lock").read_text())
    if (match := re.match(r"([\w.-]+)==(\S+)", block))
}


def audit(*arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "tools/audit.py", *arguments], cwd=ROOT, text=True, capture_output=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_every_open_hole_is_listed_with_reason_and_date() -> None:
    code, output = audit()
    assert (code, output.count("\n")) == (0, 1), output


@pytest.mark.parametrize(
    ("pin", "told"),
    [
        ("mlflow==3.9.0", "mlflow CVE-2026-2652: 3.9.0 is affected"),
        ("certifi==2026.10.19", "certifi eMudhra-2026-10: 2026.10.19 is not affected any more"),
        ("", "torch CVE-2025-32434: constraints.txt does not pin torch"),
    ],
)
def test_the_list_is_held_against_the_pins(tmp_path: Path, pin: str, told: str) -> None:
    package = pin.partition("==")[0] or "torch"
    lines = (ROOT / "constraints.txt").read_text()
    other = tmp_path / "constraints.txt"
    other.write_text(re.sub(rf"^{package}==.*$", pin, lines, flags=re.MULTILINE))
    code, output = audit("--constraints", str(other))
    assert code == 1
    assert told in output


def test_a_hole_that_nobody_gave_a_reason_for_is_a_fault(tmp_path: Path) -> None:
    advisories = tmp_path / "advisories.toml"
    advisories.write_text(
        '[[advisory]]\npackage = "torch"\nid = "NEW-1"\naffected = ">=2"\n'
        'about = "bad"\naccepted = "no date"\n'
    )
    code, output = audit("--advisories", str(advisories))
    assert (code, "torch NEW-1" in output) == (1, True)


def test_what_pip_may_choose_has_none_of_the_closed_holes() -> None:
    """The floors of pyproject.toml, for those who install without the constraints."""
    floors = {}
    for requirement in map(Requirement, OWN):
        [floor] = [each.version for each in requirement.specifier if each.operator == ">="]
        floors[canonicalize_name(requirement.name)] = floor
    closed = [each for each in ADVISORIES if "accepted" not in each]
    assert {each["package"] for each in closed} <= set(floors)
    for each in closed:
        assert not SpecifierSet(each["affected"]).contains(floors[each["package"]]), each


def test_the_lock_has_everything_at_the_versions_of_the_constraints_with_hashes() -> None:
    constraints = [
        Requirement(line) for line in (ROOT / "constraints.txt").read_text().splitlines() if line[0] != "#"
    ]
    pinned = {canonicalize_name(each.name): str(each.specifier).removeprefix("==") for each in constraints}
    assert {canonicalize_name(Requirement(line).name) for line in OWN} | {"hatchling"} <= set(LOCKED)
    assert {
        name: version for name, (version, _) in LOCKED.items() if pinned.get(name, version) != version
    } == {}
    assert [name for name, (_, hashes) in LOCKED.items() if not hashes] == []


def install(lock: Path, wheels: Path) -> subprocess.CompletedProcess[str]:
    options = ["--no-index", "--find-links", str(wheels), "--no-deps", "--isolated", "--require-hashes"]
    return subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, "--target", str(wheels / "there"), "-r", lock],
        text=True, capture_output=True, check=False,
    )  # fmt: skip


def test_a_tampered_wheel_is_refused(tmp_path: Path) -> None:
    name, (version, hashes) = next((name, each) for name, each in LOCKED.items() if name == "idna")
    wheel = tmp_path / f"{name}-{version}-py3-none-any.whl"
    about = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(wheel, "w") as files:
        files.writestr("idna.py", "print('not what was locked')\n")
        files.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        files.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        files.writestr(f"{about}/RECORD", "")
    lock = tmp_path / "requirements.lock"
    lock.write_text(f"{name}=={version} " + " ".join(f"--hash=sha256:{each}" for each in hashes))
    refused = install(lock, tmp_path)
    assert refused.returncode != 0
    assert "DO NOT MATCH THE HASHES" in refused.stderr
    assert not (tmp_path / "there").exists()
    lock.write_text(f"{name}=={version} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}")
    assert install(lock, tmp_path).returncode == 0  # the wheel was refused for its hash alone
