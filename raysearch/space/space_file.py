"""The space file: one YAML that declares a study (task, space, search, budget, resources, seed).

Everything is checked here, before anything heavy starts, and all faults are told at once with their
lines. What needs the task itself (does it know this setting?) is checked by ``training.rehearsal``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictFloat,
    StrictInt,
    StrictStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

from raysearch.errors import InputError, did_you_mean, one_of
from raysearch.space.domains import ChoiceDomain, Entry, FloatDomain, IntDomain, Space, Value
from raysearch.space.yaml_file import Document, KeyPath, parse_yaml, read_yaml

Number = StrictFloat | StrictInt


class Section(BaseModel):
    """A part of a space file: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class DataSection(Section):
    """Which jets, showers, ...; without a path, the sample that ships with the package."""

    path: StrictStr | None = None
    split: tuple[Number, Number, Number] = (0.6, 0.2, 0.2)  # training, validation, test

    @field_validator("split")
    @classmethod
    def _fractions(cls, split: tuple[float, float, float]) -> tuple[float, float, float]:
        if min(split) <= 0 or abs(sum(split) - 1) > 1e-9:
            raise ValueError(f"needs three fractions above 0 that add up to 1, got {list(split)}")
        return split


class SearchSection(Section):
    """Who proposes settings, how many, and how far ahead of the results."""

    sampler: StrictStr = "tpe"  # or gp, random, grid, nevergrad:NAME
    trials: Annotated[StrictInt, Field(ge=1)]
    window: Annotated[StrictInt, Field(ge=1)] | None = (
        None  # trials asked ahead; default 2 x slots at first start
    )
    order: Literal["deterministic", "fast"] = "deterministic"  # commit by number, or by arrival
    options: dict[StrictStr, Value] = {}  # the sampler's own


class BudgetSection(Section):
    """What one run may spend."""

    epochs: Annotated[StrictInt, Field(ge=1)]
    patience: Annotated[StrictInt, Field(ge=1)] | None = (
        None  # epochs without progress before a run stops early
    )
    max_failed: Annotated[StrictInt, Field(ge=0)] = 0  # failed trials above which the exit code is 1


class ResourcesSection(Section):
    """What one worker of a run gets."""

    cpus: Annotated[Number, Field(gt=0)] = 1
    gpus: Annotated[Number, Field(ge=0)] = 0  # may be a fraction
    workers: Annotated[StrictInt, Field(ge=1)] = 1  # data-parallel workers of one run
    threads: Annotated[StrictInt, Field(ge=1)] = 1  # of a worker; decides bits


class SpaceFile(Section):
    """A checked space file."""

    task: StrictStr
    description: StrictStr = ""
    demonstration_of: StrictStr | None = None  # the space file that is the physics
    data: DataSection = DataSection()
    space: dict[StrictStr, Entry]
    search: SearchSection
    budget: BudgetSection
    resources: ResourcesSection = ResourcesSection()
    seed: Annotated[StrictInt, Field(ge=0)]

    @model_validator(mode="after")
    def _something_to_search(self) -> SpaceFile:
        if not self.searched.domains:
            raise ValueError("space: needs at least one setting to search")
        grid_size = self.searched.grid_size
        if self.search.sampler == "grid" and grid_size is None:
            raise ValueError("search.sampler: grid needs int and choice settings only; fix the float ones")
        if self.search.sampler == "grid" and grid_size is not None and self.search.trials > grid_size:
            raise ValueError(
                f"search.trials: the grid has {grid_size} points, got {self.search.trials} trials"
            )
        return self

    @property
    def searched(self) -> Space:
        """The space: domains and fixed settings."""
        domains = {
            k: v for k, v in self.space.items() if isinstance(v, (IntDomain, FloatDomain, ChoiceDomain))
        }
        fixed = {
            k: v for k, v in self.space.items() if not isinstance(v, (IntDomain, FloatDomain, ChoiceDomain))
        }
        return Space(domains, fixed)

    @property
    def identity(self) -> str:
        """SHA-256 of all that decides the study's results: everything but the description."""
        content = self.model_dump(mode="json", exclude={"description", "demonstration_of"})
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def to_yaml(self) -> str:
        """Write the file again, complete with defaults."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, width=110)


def read_space_file(path: Path, overrides: Sequence[str] = ()) -> SpaceFile:
    """Read, override and check a space file.

    Args:
        path: the YAML file.
        overrides: ``a.b=c`` texts (the values in YAML), applied before the check.

    Raises:
        InputError: with every fault found, each as ``file:line: key: what, what is allowed``.
    """
    document = read_yaml(path)
    for text in overrides:
        _override(document, text)
    space_file = check_document(document)
    return _absolute(space_file, path.parent)


def check_document(document: Document) -> SpaceFile:
    """Check a parsed space file; see :func:`read_space_file`."""
    try:
        return SpaceFile.model_validate(document.content)
    except ValidationError as error:
        raise InputError(*dict.fromkeys(_describe(fault, document) for fault in error.errors())) from None


def _absolute(space_file: SpaceFile, folder: Path) -> SpaceFile:
    """Anchor a task file at the space file's folder and a data path at the working directory."""
    changes: dict[str, Any] = {}
    path, _, name = space_file.task.rpartition(":")
    if path.endswith(".py"):
        changes["task"] = f"{(folder / path).resolve()}:{name}"
    if space_file.data.path is not None:
        changes["data"] = space_file.data.model_copy(
            update={"path": str(Path(space_file.data.path).resolve())}
        )
    return space_file.model_copy(update=changes)


def _override(document: Document, text: str) -> None:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise InputError(f"--set {text}: must be KEY=VALUE, such as search.trials=20")
    path: KeyPath = tuple(key.split("."))
    target = document.content
    for part in path[:-1]:
        inner = target.get(str(part))
        if inner is None:
            inner = target[str(part)] = {}
        if not isinstance(inner, dict):
            raise InputError(f"--set {text}: {part!r} holds a value, not keys")
        target = inner
    parsed = parse_yaml(f"value: {value}", f"--set {text}")
    target[str(path[-1])] = parsed.content["value"]
    for old in [place for place in document.places if place[: len(path)] == path]:
        del document.places[old]
    document.places[path] = f"--set {text}"


def _describe(fault: ErrorDetails, document: Document) -> str:
    got, kind = fault["input"], fault["type"]
    path = _written(fault["loc"], document.content)
    if kind in {"missing", "extra_forbidden"} and path[-1:] != fault["loc"][-1:]:
        path = (*path, fault["loc"][-1])
    key = ".".join(str(part) for part in path)
    place = document.place(path)
    if kind == "extra_forbidden":
        allowed = _allowed_keys(path[:-1], document.content)
        what = f"unknown key; {one_of(allowed)}.{did_you_mean(str(path[-1]), allowed)}"
    elif kind == "missing":
        what = "is missing"
    elif kind in {"float_type", "int_type"} and isinstance(got, str):
        what = f"must be a number, got the text {got!r}.{_number_hint(got)}"
    elif kind == "union_tag_invalid":
        kinds = ("int", "float", "choice")
        what = f"unknown type {got['type']!r}; {one_of(kinds)}.{did_you_mean(str(got['type']), kinds)}"
    elif kind == "union_tag_not_found":
        what = "needs a type, one of int, float, choice, or a single value to hold it at"
    elif kind == "value_error":
        what = fault["msg"].removeprefix("Value error, ")
        inner, colon, rest = what.partition(": ")
        if colon and not path:
            path = tuple(inner.split("."))
            return f"{document.place(path)}: {inner}: {rest}"
    else:
        what = f"{fault['msg'][0].lower()}{fault['msg'][1:]}, got {got!r}"
    return f"{place}: {key}: {what}" if key else f"{place}: {what}"


def _written(loc: tuple[int | str, ...], content: object) -> KeyPath:
    """Keep of pydantic's location only what the user wrote (it adds union tags and type names)."""
    path: list[str | int] = []
    for part in loc:
        if (isinstance(content, dict) and part in content) or (
            isinstance(content, list) and isinstance(part, int) and part < len(content)
        ):
            content = content[part]  # type: ignore[index,call-overload] # checked just above
            path.append(part)
    return tuple(path)


def _allowed_keys(path: KeyPath, content: dict[str, Any]) -> list[str]:
    sections: dict[KeyPath, type[BaseModel]] = {
        (): SpaceFile,
        ("data",): DataSection,
        ("search",): SearchSection,
        ("budget",): BudgetSection,
        ("resources",): ResourcesSection,
    }
    if path in sections:
        return list(sections[path].model_fields)
    domains: dict[str, type[BaseModel]] = {"int": IntDomain, "float": FloatDomain, "choice": ChoiceDomain}
    kind = content["space"][path[1]].get("type")
    return list(domains[kind].model_fields)


def _number_hint(text: str) -> str:
    try:
        value = float(text)
    except ValueError:
        return ""
    mantissa, e, exponent = text.lower().partition("e")
    if e and "." not in mantissa:
        return f" YAML reads {text} as text; write {mantissa}.0e{exponent}"
    return f" Write {value:g} without quotes"
