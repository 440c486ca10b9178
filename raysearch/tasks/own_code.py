"""The code of a task of a user's own: its file, and the modules that it imports from beside it.

Beside it is what lies in the folder of the file or below, such as ``helpers.py`` and ``networks/``; what is
installed is not, its versions are compared instead. Imports are found in the text, also those inside of
functions; of code that names modules only when it runs (``importlib.import_module(name)``) every module in
the folder counts, and so does what was imported from there by then.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Collection, Iterator, Mapping
from importlib.machinery import EXTENSION_SUFFIXES, PathFinder
from pathlib import Path

from raysearch.errors import InputError

BY_NAME = {"import_module", "__import__"}  # calls whose modules no text tells
APART = {"site-packages", "dist-packages", "node_modules", "__pycache__"}  # folders that may lie below
MODULES = (".py", *EXTENSION_SUFFIXES)

Code = Mapping[str, bytes]
"""Content of files by their paths in the folder of the task's file."""


def task_file(reference: str) -> Path | None:
    """The file of a user's own task, ``path/to/my_task.py:MyTask``; None for the package's."""
    path, _, _ = reference.rpartition(":")
    return Path(path) if path.endswith(".py") else None


def read_code(path: Path, more: Collection[str] = ()) -> dict[str, bytes]:
    """Read a task's file and what it imports from beside it.

    Args:
        path: the task's file.
        more: paths in its folder that belong to it, too.

    Raises:
        InputError: there is no such file, or it cannot be read.
    """
    if not path.is_file():
        raise InputError(f"task: {path}: no such file")
    folder = path.parent
    found: dict[str, bytes] = {}
    todo = [path, *(folder / name for name in more)]
    while todo:
        file = todo.pop()
        name = file.relative_to(folder).as_posix()
        if name in found:
            continue
        try:
            found[name] = file.read_bytes()
        except OSError as error:
            raise InputError(f"task: {file} cannot be read: {error.strerror}") from error
        if file.suffix == ".py":
            todo += _imported(found[name], folder)
    return found


def sums_of(code: Code) -> dict[str, str]:
    """SHA-256 by path."""
    return {name: hashlib.sha256(content).hexdigest() for name, content in sorted(code.items())}


def imported_from(folder: Path, modules: Collection[str]) -> set[str]:
    """Paths in a folder of those modules, by their names in ``sys.modules``, that lie in it."""
    files = (getattr(sys.modules.get(name), "__file__", None) for name in modules)
    paths = [Path(file) for file in files if file]
    return {path.relative_to(folder).as_posix() for path in paths if _is_beside(path, folder)}


def forget(folder: Path, names: Collection[str]) -> None:
    """Have modules of a folder imported anew, as they may have been edited since this process did."""
    files = {str(folder / name) for name in names}
    for name, module in list(sys.modules.items()):
        if getattr(module, "__file__", None) in files:
            del sys.modules[name]


def _imported(content: bytes, folder: Path) -> Iterator[Path]:
    """Files beside a task that a text imports; a package with all of its modules."""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):
        return  # whoever imports it is told
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _files_of(alias.name.partition(".")[0], folder)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from _files_of(node.module.partition(".")[0], folder)
        elif isinstance(node, ast.Call) and _name_of(node.func) in BY_NAME:
            yield from (file for file in folder.glob("*.py") if file.is_file())


def _name_of(called: ast.expr) -> str:
    return called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")


def _files_of(module: str, folder: Path) -> Iterator[Path]:
    if module == "raysearch" or module in sys.builtin_module_names:
        return
    # As Python will: a folder of that name without __init__.py counts only where nothing else has it.
    spec = PathFinder.find_spec(module, [str(folder), *sys.path])
    if spec is None:
        return
    if spec.submodule_search_locations is None:
        files = [Path(spec.origin)] if spec.origin else []
    else:
        places = map(Path, spec.submodule_search_locations)
        # An installed package is not looked through, which takes a second for one like torch.
        near = [place for place in places if place.is_relative_to(folder) or folder.is_relative_to(place)]
        files = [file for place in near for file in place.rglob("*.*")]
    yield from (file for file in files if _is_beside(file, folder) and file.is_file())


def _is_beside(path: Path, folder: Path) -> bool:
    """Whether a module's file belongs to the code in a folder, in which a whole environment may lie."""
    if not path.is_relative_to(folder) or not path.name.endswith(MODULES):
        return False
    inner = path.relative_to(folder).parts
    in_environment = any(
        path.is_relative_to(prefix) and not folder.is_relative_to(prefix)
        for prefix in {sys.prefix, sys.base_prefix}
    )
    hidden = any(part.startswith(".") for part in inner)
    return not (in_environment or hidden or APART.intersection(inner) or inner[0] == "raysearch")
