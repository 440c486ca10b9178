"""The copy of a task's code that its study keeps, and how it is imported.

It lies in ``code/KEY`` of the study's folder, where KEY is made of the paths and sums of its files, so that
every process verifies it before it runs it. ``code/KEY.json`` tells the folder that it was copied from.
Imported from there, modules have the ``__file__`` that they had, since they may read what lies beside it; the
text that runs, and that tracebacks show, is the copy's. No bytecode is read or written: Python believes one
by the second and size of its text.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

from raysearch.errors import ChangedError, StorageError
from raysearch.files import sync_folder, write_durably
from raysearch.tasks.own_code import Code, forget, sums_of

CODE = "code"


def key_of(sums: Mapping[str, str]) -> str:
    """Name the folder of a copy, by the sums of its files."""
    return hashlib.sha256(json.dumps(sorted(sums.items())).encode()).hexdigest()[:32]


def keep(study: Path, code: Code, origin: Path) -> None:
    """Copy a task's code into its study's folder.

    Args:
        study: the folder.
        code: its files.
        origin: the folder that they lie in.

    Raises:
        StorageError: the disk is full or failed.
    """
    folder = study / CODE / key_of(sums_of(code))
    # Whole or not there: a file that a killed process left half written would be one too many in a copy.
    for left in folder.parent.glob(".*"):
        _remove(left)
    part, before = (folder.with_name(f".{folder.name}.{end}") for end in ("part", "before"))
    for name, content in code.items():
        write_durably(part / name, content)
    try:
        if folder.exists():  # of what it should hold, or damaged
            folder.rename(before)
        part.rename(folder)
        sync_folder(folder.parent)
    except OSError as error:
        raise StorageError(f"{folder}: cannot be written: {error.strerror}") from error
    _remove(before)
    write_durably(_about(folder), (json.dumps({"origin": str(origin)}) + "\n").encode())


def _remove(path: Path) -> None:
    """Remove what is of no use; where it cannot be, it does no harm."""
    with contextlib.suppress(OSError):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def is_kept(path: Path) -> bool:
    """Whether a task's file is one of a study's copy, by its path."""
    return path.parent.parent.name == CODE and re.fullmatch("[0-9a-f]{32}", path.parent.name) is not None


def read_kept(folder: Path) -> dict[str, bytes]:
    """Read a copy, and verify it.

    Raises:
        ChangedError: it is damaged, changed or gone.
    """
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and "__pycache__" not in path.parts]
    code = {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
    if key_of(sums_of(code)) != folder.name:
        raise ChangedError(f"task: the code that the study keeps in {folder} was changed, is damaged or gone")
    return code


def import_kept(path: Path, name: str) -> ModuleType:
    """Import a task's file, and from now on what it imports from beside it, from a study's copy.

    Args:
        path: the file in the copy.
        name: of the module.

    Raises:
        ChangedError: the copy is not what it was.
        Exception: whatever the file raises.
    """
    finder = _Finder(path.parent)
    if _active != [finder]:
        leave_kept()
        forget(finder.origin, finder.code)  # of the rehearsal, as they lay there then
        _active.append(finder)
        # After Python's own modules and before all folders: where the task's folder was in sys.path.
        sys.meta_path.insert(sys.meta_path.index(PathFinder), finder)
    spec = finder.spec_of(name, path.name)
    module = ModuleType(name)
    module.__spec__, module.__loader__, module.__file__ = spec, spec.loader, spec.origin
    sys.modules[name] = module  # dataclasses look their module up
    assert isinstance(spec.loader, _Loader)
    spec.loader.exec_module(module)
    return module


def leave_kept() -> None:
    """Import from no copy any more, and forget what was."""
    for finder in _active:
        with contextlib.suppress(ValueError):
            sys.meta_path.remove(finder)
    _active.clear()
    for name, module in list(sys.modules.items()):
        if isinstance(getattr(module, "__loader__", None), _Loader):
            del sys.modules[name]


def origin_of(folder: Path) -> Path:
    """The folder that a copy was made from; the copy's own where that is not told."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        return Path(json.loads(_about(folder).read_text(encoding="utf-8"))["origin"])
    return folder


def _about(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.json")


class _Loader(InspectLoader):
    """Runs a module's text as it was kept."""

    def __init__(self, content: bytes, shown: Path, *, package: bool) -> None:
        self._content, self._shown, self._package = content, shown, package

    def create_module(self, spec: ModuleSpec) -> None:
        """As Python does."""

    def is_package(self, fullname: str) -> bool:
        """Whether it is one."""
        return self._package

    def get_source(self, fullname: str) -> str:
        """The text, for tracebacks."""
        return self._content.decode(errors="replace")

    def exec_module(self, module: ModuleType) -> None:
        """Run it."""
        exec(compile(self._content, self._shown, "exec", dont_inherit=True), vars(module))  # noqa: S102 - as Python does


class _Finder(MetaPathFinder):
    """Finds the modules of a copy as if they lay in the folder that they were copied from."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.origin, self.code = folder, origin_of(folder), read_kept(folder)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Finder) and (self.folder, self.origin) == (other.folder, other.origin)

    __hash__ = None  # type: ignore[assignment] # two that are equal are one, and none is a key

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Find a module in the task's folder, in one that it has put into ``sys.path``, or in a package."""
        last = fullname.rpartition(".")[2]
        for place in [str(self.origin), *sys.path] if path is None else path:
            if not Path(place).is_relative_to(self.origin):
                continue
            inner = (Path(place).relative_to(self.origin) / last).as_posix()
            for name in (f"{inner}/__init__.py", f"{inner}.py", *(inner + end for end in EXTENSION_SUFFIXES)):
                if name in self.code:
                    return self.spec_of(fullname, name)
            if any(name.startswith(f"{inner}/") for name in self.code):
                spec = ModuleSpec(fullname, None, is_package=True)
                spec.submodule_search_locations = [str(self.origin / inner)]
                return spec
        return None

    def spec_of(self, fullname: str, name: str) -> ModuleSpec:
        """Describe the module that a file of the copy is."""
        if not name.endswith(".py"):
            return ModuleSpec(
                fullname,
                ExtensionFileLoader(fullname, str(self.folder / name)),
                origin=str(self.folder / name),
            )
        package = name.endswith("/__init__.py")
        loader = _Loader(self.code[name], self.folder / name, package=package)
        spec = ModuleSpec(fullname, loader, origin=str(self.origin / name), is_package=package)
        spec.has_location = True  # which gives the module its __file__
        if package:
            spec.submodule_search_locations = [str((self.origin / name).parent)]
        return spec


_active: list[_Finder] = []
