"""The space file of one run without a search: each setting has one value."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from raysearch.errors import InputError
from raysearch.library.overrides import as_yaml
from raysearch.library.space_files import SpaceSource, find_space_file, found
from raysearch.space.domains import ChoiceDomain
from raysearch.space.space_file import SpaceFile, change_space_file, read_space_file
from raysearch.space.variants import variants_of
from raysearch.space.yaml_file import parse_yaml, read_document
from raysearch.tasks import TASKS, load_task

# Of a file's search, what may not fit the overrides of a run that does not search.
OF_SEARCH = (("search", "prune"), ("search", "prune_folds"), ("search", "enqueue"))


def space_of(task_or_space: SpaceSource) -> SpaceSource:
    """Find the space file of a task that is named; all else is a space already.

    Raises:
        InputError: there is neither.
    """
    if isinstance(task_or_space, str) and task_or_space in TASKS:
        return find_space_file(task_or_space.replace("_", "-"))
    return task_or_space


def one_run(
    space: SpaceSource, texts: Sequence[str], variant: str | None, say: Callable[[str], None]
) -> tuple[SpaceFile, str]:
    """Read what :func:`read_one_run` does of a task or space, and tell what the run is.

    Returns:
        The space file, and what the space is called.
    """
    source, label = found(space_of(space))
    others = variants_of(read_document(source))
    if others and variant is None:
        variant = others[0]
        say(f"{label}: of its variants ({', '.join(others)}) the first; another is named with --variant")
    run, origins = read_one_run(space_of(space), texts, variant)
    say(f"{label}: {as_told(run, origins)}")
    return run, label


def read_one_run(
    space: SpaceSource, texts: Sequence[str], variant: str | None = None
) -> tuple[SpaceFile, dict[str, str]]:
    """Read a space file as that of one run.

    Whatever it searches becomes a choice of one value: of an override, else of the first published entry
    that has most of them, else the task's default; where that is None, it is left out. So nothing is
    proposed, and all that a study of one trial can do, it does.

    Args:
        space: as for :func:`raysearch.tune`.
        texts: ``a.b=c`` overrides.
        variant: of the file; by default its first, if it has any.

    Returns:
        The space file, and where the values come from that no override gives, by setting.

    Raises:
        InputError: the file or an override is wrong; a searched setting has no value; the file varies a key.
    """
    if searching := [text for text in texts if text.startswith("search.")]:
        raise InputError(*(f"--set {text}: one run has no search; leave it out" for text in searching))
    own = [text for text in texts if text.startswith("space.")]
    base = read_space_file(found(space)[0], [text for text in texts if text not in own], variant, OF_SEARCH)
    if base.vary:
        raise InputError(
            "vary: makes a series of studies, one run has one value for each key; "
            f"leave it out with --set vary={{}}, and give {', '.join(_varied(base))} with --set"
        )
    changed = change_space_file(base, [_pinned(text, base) for text in own])
    given = {text.partition("=")[0].removeprefix("space.") for text in own}
    open_names = [name for name in changed.searched.domains if name not in given]
    values, origins = _values(changed, open_names)
    if missing := [name for name in open_names if name not in values]:
        raise InputError(
            *(f"space.{name}: is searched; one run needs a value: --set space.{name}=..." for name in missing)
        )
    if changed.searched.domains.keys() <= {name for name, value in values.items() if value is None}:
        # A study has something to search, be it one value: that of a setting which is held.
        name, value = next(iter(changed.searched.fixed.items()))
        values, origins = {**values, name: value}, {**origins, name: "the file"}
    pins = [f"space.{name}={'null' if value is None else _only(value)}" for name, value in values.items()]
    return change_space_file(changed, [*pins, "search={sampler: random, trials: 1}"]), origins


def _varied(space_file: SpaceFile) -> list[str]:
    return [f"{section}.{key}" for section, keys in space_file.vary.items() for key in keys]


def _only(value: object) -> str:
    """A domain of one value, in YAML."""
    return as_yaml({"type": "choice", "values": [value]})


def _pinned(text: str, base: SpaceFile) -> str:
    """The override of a setting that is searched, as a domain of one value; another as it is."""
    key, _, written = text.partition("=")
    name = key.removeprefix("space.")
    if name not in base.searched.domains:
        return text
    value = parse_yaml(f"value: {written}", f"--set {text}").content["value"]
    if isinstance(value, dict | list):
        raise InputError(f"--set {text}: one run needs one value, such as --set {key}=1")
    return f"{key}={_only(value)}"


def pinned(space_file: SpaceFile, name: str, value: object) -> str:
    """Give another value to a setting of a run, as an override."""
    return f"space.{name}={_only(value) if name in space_file.searched.domains else as_yaml(value)}"


def _values(space_file: SpaceFile, names: Sequence[str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Values that are known for settings, and where each comes from."""
    entries = [
        ({name: entry.settings[name] for name in names if name in entry.settings}, entry.source)
        for entry in space_file.matching
    ]
    # One entry's: values of two are settings that nobody published. The first of those that have most.
    published, source = max(entries, key=lambda entry: len(entry[0]), default=({}, ""))
    defaults: Mapping[str, Any] = {
        field.name: field.default
        for field in dataclasses.fields(load_task(space_file.task).Settings)
        if field.name in names and field.default is not dataclasses.MISSING
    }
    values = {**defaults, **published}
    return values, {name: source if name in published else "default" for name in values}


def as_told(space_file: SpaceFile, origins: Mapping[str, str]) -> str:
    """One line: the run's settings that the file searches, and where those come from that nobody gave."""
    by_origin: dict[str, list[str]] = {}
    for name, domain in space_file.searched.domains.items():
        if isinstance(domain, ChoiceDomain):
            by_origin.setdefault(origins.get(name, "given"), []).append(f"{name} {domain.values[0]}")
    if left := [name for name in origins if name not in space_file.searched.domains]:
        by_origin["default"] = [
            *by_origin.get("default", []),
            *(f"{name} the network's own" for name in left),
        ]
    return "one run: " + "; ".join(f"{', '.join(words)} ({origin})" for origin, words in by_origin.items())
