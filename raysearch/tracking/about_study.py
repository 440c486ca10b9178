"""What MLflow shows of a whole study as text: its constants, the tags that all its runs carry, its note."""

from __future__ import annotations

import hashlib
from typing import Any

from raysearch.ledger.history import History
from raysearch.tracking.points import as_name

STUDY = "raysearch.study"


def settings_of(history: History) -> dict[str, Any]:
    """What the study fixes: how weights are trained, if not by gradients averaged, and its constants."""
    space = history.created.space_file["space"]
    held = {name: value for name, value in space.items() if name not in history.created.settings}
    return _ways(history) | held


def _ways(history: History) -> dict[str, str]:
    """The strategy that evolves weights, or how workers agree on them, if the study names one."""
    named = ((key, history.created.space_file.get(key)) for key in ("strategy", "agreement"))
    return {key: str(name) for key, name in named if name}


def common_tags(history: History, key: str) -> dict[str, str]:
    """Tags that every run carries, for the MLflow page filters runs without their parents."""
    created = history.created
    tags: dict[str, Any] = {
        STUDY: key,
        "study": history.name,
        "seed": created.space_file["seed"],
        "identity": created.identity,
        "data_sha256": _data_sha256(created.data),
        **_ways(history),
    }
    if created.series:
        tags["series"] = history.name.partition("/")[0]
    if created.task_sha256:
        tags["task_sha256"] = created.task_sha256
    if history.sessions:
        version = history.sessions[-1][0].versions.get("raysearch", "unknown")
        tags |= {"raysearch_version": version, "mlflow.source.name": f"raysearch {version}"}
    return as_texts(tags)


def _data_sha256(data: dict[str, Any]) -> str:
    """Hash of the only data file or, of several, of their names and hashes."""
    files = data.get("files", {})
    if len(files) == 1:
        return str(next(iter(files.values())))
    return hashlib.sha256("".join(f"{name}:{files[name]}\n" for name in sorted(files)).encode()).hexdigest()


def note(history: History) -> str:
    """The description of the space file, and whether it is a demonstration."""
    space_file = history.created.space_file
    note = str(space_file.get("description") or "")
    if physics := space_file.get("demonstration_of"):
        note += f"\n\nA demonstration: its figures are no physics results. For those see `{physics}`."
    return note.strip()


def as_texts(values: dict[str, Any]) -> dict[str, str]:
    """Names and values as MLflow takes them."""
    return {as_name(name): str(value)[:6000] for name, value in values.items()}  # MLflow's limit
