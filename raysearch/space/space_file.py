"""The space file: one YAML that declares a study (task, space, search, budget, resources, seed).

Everything is checked here, before anything heavy starts, and all faults are told at once with their
lines. What needs the task itself (does it know this setting?) is checked by ``training.rehearsal``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, Field, StrictInt, StrictStr, ValidationError, model_validator

from raysearch.errors import InputError
from raysearch.files import expanded
from raysearch.space.domains import ChoiceDomain, Entry, FloatDomain, IntDomain, Space, Value
from raysearch.space.faults import describe
from raysearch.space.matching import fits, misfits
from raysearch.space.run_limits import IN_SECTION
from raysearch.space.sections import (
    BudgetSection,
    DataSection,
    LimitsSection,
    PruneFoldsSection,
    PruneSection,
    PublishedSection,
    ResourcesSection,
    SearchSection,
    Section,
    StorageSection,
)
from raysearch.space.variants import choose_variant
from raysearch.space.yaml_file import Document, KeyPath, parse_yaml, read_document


class SpaceFile(Section):
    """A checked space file."""

    task: StrictStr
    description: StrictStr = ""
    demonstration_of: StrictStr | None = None  # the space file that is the physics
    strategy: StrictStr | None = None  # evolves the weights, such as one-plus-lambda; default: by gradient
    agreement: StrictStr | None = None  # of a run's workers, such as easgd; default: by averaging gradients
    data: DataSection = DataSection()
    space: dict[StrictStr, Entry]
    # default: the task's own; of several the first chooses epochs and best
    objectives: tuple[StrictStr, ...] = ()
    limits: LimitsSection = LimitsSection()
    search: SearchSection
    budget: BudgetSection
    resources: ResourcesSection = ResourcesSection()
    storage: StorageSection = StorageSection()
    seed: Annotated[StrictInt, Field(ge=0)]
    # a series: one study for each combination of these values
    vary: dict[Literal["space", "data", "search", "budget"], dict[StrictStr, tuple[Value, ...]]] = Field({})
    published: tuple[PublishedSection, ...] = ()

    @model_validator(mode="after")
    def _fits_together(self) -> SpaceFile:
        for problem in self._problems():
            raise ValueError(problem)  # pydantic takes one fault of a validator, so the first is told
        return self

    def _problems(self) -> Iterator[str]:
        search = self.search
        if not self.searched.domains:
            yield "space: needs at least one setting to search"
        if search.sampler == "grid":
            yield from self._grid_problems()
        if len(set(self.objectives)) < len(self.objectives):
            yield f"objectives: must differ, got {list(self.objectives)}"
        if len(self.objectives) > 1 and (search.prune or search.prune_folds):
            yield "search.prune: what is behind is known for one objective only; leave it out or search one"
        yield from self._resource_problems()
        if self.agreement is not None and "agreement" in self.space:
            yield "agreement: stands in space, too; leave one of the two out"
        if search.prune:
            yield from (f"search.prune: {problem}" for problem in search.prune.problems(self.budget.epochs))
        if search.prune_folds:
            yield from (
                f"search.prune_folds: {problem}" for problem in search.prune_folds.problems(self.budget.runs)
            )
        if search.enqueue and search.enqueue != "published":
            yield from self._wrongly_enqueued(search.enqueue)
        if any(not values for varied in self.vary.values() for values in varied.values()):
            yield "vary: needs at least one value for each key"

    def _resource_problems(self) -> Iterator[str]:
        if self.strategy is not None and self.resources.gpus:
            # Held without being used, they would keep other runs from them.
            yield f"resources.gpus: evolution computes on CPUs; must be 0, got {self.resources.gpus}"
        keep_each = [name for name in self.agreements if name != "allreduce"]
        if self.resources.min_workers is not None and keep_each:
            yield (
                f"resources.min_workers: {keep_each[0]} keeps weights of each worker, so that their number "
                "cannot change; leave one of the two out"
            )

    def _grid_problems(self) -> Iterator[str]:
        search, grid_size = self.search, self.searched.grid_size
        if grid_size is None:
            yield "search.sampler: grid needs int and choice settings only; fix the float ones"
        elif search.trials > grid_size:
            yield f"search.trials: the grid has {grid_size} points, got {search.trials} trials"
        # Trial n is point n, so that a given trial would take the place of a point of the grid.
        if search.enqueue:
            yield "search.enqueue: the grid visits every point anyway; leave it out or take another sampler"

    def _wrongly_enqueued(self, enqueue: Sequence[dict[str, Any]]) -> Iterator[str]:
        domains = self.searched.domains
        if len(enqueue) > self.search.trials:
            yield f"search.enqueue: holds {len(enqueue)} settings for {self.search.trials} trials"
        for number, settings in enumerate(enqueue):
            if set(settings) != set(domains):
                yield (
                    f"search.enqueue.{number}: must give each searched setting and no other "
                    f"({', '.join(domains)}), got {', '.join(settings)}"
                )
            for name, value in settings.items():
                if name in domains and value not in domains[name]:
                    yield f"search.enqueue.{number}: {name}: {value!r} lies outside the space"

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
    def agreements(self) -> tuple[Any, ...]:
        """How workers may agree: as the file says, or each that its space has; none: by their gradients."""
        entry = self.space.get("agreement", self.agreement)
        if isinstance(entry, ChoiceDomain):
            return entry.values
        return () if entry is None else (entry,)

    @property
    def matching(self) -> list[PublishedSection]:
        """Published entries for this space: whatever both hold fixed is the same."""
        fixed = self.searched.fixed
        return [entry for entry in self.published if fits(entry.settings, fixed)]

    @property
    def enqueued(self) -> list[dict[str, Any]]:
        """The searched settings of the first trials, where the user gives them.

        Raises:
            InputError: published ones are wanted and none lies in the space.
        """
        if self.search.enqueue != "published":
            return [dict(settings) for settings in self.search.enqueue]
        domains = self.searched.domains
        found = [
            {name: entry.settings[name] for name in domains}
            for entry in self.matching
            if all(
                name in entry.settings and entry.settings[name] in domain for name, domain in domains.items()
            )
        ]
        if not found:
            fixed = self.searched.fixed
            wrong = [misfits(entry.settings, fixed, domains) for entry in self.published]
            least = min(wrong, key=len, default=[])
            nearest = f"; the nearest differs in {', '.join(least)}" if least else ""
            raise InputError(
                "search.enqueue: no published settings lie in this space; "
                f"there are {len(self.published)} published entries, "
                f"{len(self.matching)} of them for what it holds fixed{nearest}"
            )
        return found[: self.search.trials]

    @property
    def identity(self) -> str:
        """SHA-256 of all that decides the study's results, which what is said, kept or handed on does not."""
        # What is set aside may be changed in a study that is under way; all else would change its results,
        # and a resume that finds another identity is refused.
        aside = dict.fromkeys(("description", "demonstration_of", "published", "storage"), True)
        parts = {
            "resources": {"environment", *IN_SECTION["resources"]},
            "budget": {"stop", *IN_SECTION["budget"]},
        }
        # Studies from before there was a choice are the same ones.
        if self.agreement is None:
            aside["agreement"] = True
        if self.resources.min_workers is None:
            parts["resources"].add("min_workers")
        content = self.model_dump(mode="json", exclude={**aside, **parts})
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def to_yaml(self) -> str:
        """Write the file again, complete with defaults."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, width=110)


SECTIONS: dict[KeyPath, type[BaseModel]] = {
    (): SpaceFile,
    ("data",): DataSection,
    ("limits",): LimitsSection,
    ("search",): SearchSection,
    ("search", "prune"): PruneSection,
    ("search", "prune_folds"): PruneFoldsSection,
    ("budget",): BudgetSection,
    ("resources",): ResourcesSection,
    ("storage",): StorageSection,
    ("published",): PublishedSection,
}


def read_space_file(
    source: Path | Mapping[str, Any],
    overrides: Sequence[str] = (),
    variant: str | None = None,
    without: Collection[KeyPath] = (),
) -> SpaceFile:
    """Read, override and check a space file.

    Args:
        source: the YAML file, or its content.
        overrides: ``a.b=c`` texts (the values in YAML), applied before the check.
        variant: which of the file's variants; by default the first, if it has any.
        without: keys of the file that are left out, before anything is overridden.

    Raises:
        InputError: with every fault found, each as ``file:line: key: what, what is allowed``.
    """
    document = read_document(source)
    choose_variant(document, variant)
    for path in without:
        _leave_out(document, path)
    for text in overrides:
        _override(document, text)
    space_file = check_document(document)
    return _absolute(space_file, source.parent if isinstance(source, Path) else Path())


def change_space_file(space_file: SpaceFile, overrides: Sequence[str]) -> SpaceFile:
    """Override keys of a checked space file, and check it again; see :func:`read_space_file`."""
    document = Document("space file", space_file.model_dump(mode="json"))
    for text in overrides:
        _override(document, text)
    return _with_data_anchored(check_document(document))


def check_document(document: Document) -> SpaceFile:
    """Check a parsed space file; see :func:`read_space_file`."""
    try:
        return SpaceFile.model_validate(document.content)
    except ValidationError as error:
        # A dict for a set that keeps its order: a union of int and float tells the same fault twice.
        raise InputError(
            *dict.fromkeys(describe(fault, document, SECTIONS) for fault in error.errors())
        ) from None


def _absolute(space_file: SpaceFile, folder: Path) -> SpaceFile:
    """Anchor a task file at the space file's folder and a data path at the working directory."""
    # Absolute from here on, since workers on other machines and a later resume have other working
    # directories.
    changes: dict[str, Any] = {}
    path, _, name = space_file.task.rpartition(":")
    if path.endswith(".py"):
        changes["task"] = f"{(folder / expanded(path)).resolve()}:{name}"
    return _with_data_anchored(space_file.model_copy(update=changes))


def _with_data_anchored(space_file: SpaceFile) -> SpaceFile:
    path = space_file.data.path
    if path is None:
        return space_file
    several = tuple(str(expanded(each).resolve()) for each in ((path,) if isinstance(path, str) else path))
    anchored = space_file.data.model_copy(update={"path": several if len(several) > 1 else several[0]})
    return space_file.model_copy(update={"data": anchored})


def _leave_out(document: Document, path: KeyPath) -> None:
    target: Any = document.content
    for part in path[:-1]:
        target = target.get(part, {})
    target.pop(path[-1], None)


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
    # As YAML, so that an override means what the same text means in the file.
    parsed = parse_yaml(f"value: {value}", f"--set {text}").content["value"]
    if parsed is None and path[0] == "space" and len(path) == 2:
        # A setting is never null: this leaves it to the task's default.
        if target.pop(str(path[-1]), None) is None:
            raise InputError(f"--set {text}: is not in the space file; there is nothing to leave out")
    else:
        target[str(path[-1])] = parsed
    # A fault in the new value must name the option and not the line of the value it took the place of.
    for old in [place for place in document.places if place[: len(path)] == path]:
        del document.places[old]
    document.places[path] = f"--set {text}"
