"""Compiles a C++ kernel for this machine's processor, once per user, and loads it.

Libraries are kept in ``kernels`` in the folder that raysearch/cache.py names, a folder that only its owner
may enter: whoever can write there decides what this process runs. A library's name has the hash of its
source, of the headers beside it, of the compiler's command and of the processor's features, so that machines
with one home folder get one each, and a changed source a new one. It ends with the SHA-256 of its content,
which is compared before the library is loaded: one that was cut or damaged would end the process, or compute
other numbers. Such a one is told and compiled again.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import logging
import os
import platform
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

from raysearch.cache import cache_root
from raysearch.errors import StorageError
from raysearch.files import put_in_place, read_sound, sum_in_name

logger = logging.getLogger(__name__)

# Without -ffast-math: NaN must stay NaN, or a diverged run would look like a finished one.
FLAGS = ("-O3", "-march=native", "-std=c++17", "-shared", "-fPIC", "-pthread")
COMPILERS = ("c++", "g++", "clang++")
PATIENCE_S = 300.0  # it takes 2 to 3 s on a quiet machine


class BuildError(Exception):
    """A kernel cannot be had here; says why."""


@functools.cache
def load(
    source: Path,
    constants: tuple[tuple[str, int], ...],
    archives: tuple[Path, ...] = (),
    instead: str | None = "no fused kernel, the torch form is used",
) -> ctypes.CDLL | None:
    """Load the library that a source makes with constants (name, value), compiled first if need be.

    Args:
        source: the file.
        constants: defined for the compiler.
        archives: static libraries that are linked in.
        instead: what is said to happen where it cannot be had; None: nothing, where nobody asked for it.

    Returns:
        The library, or None where it cannot be had: no compiler, an error of the compiler, a cache folder
        that others may enter or that cannot be written. A warning then says why, once per process and reason.
    """
    try:
        compiler = _find_compiler()
        command = [compiler, *FLAGS, *(f"-D{name}={value}" for name, value in constants)]
        texts = [path.read_text() for path in (source, *sorted(source.parent.glob("*.h")))]
        sums = [hashlib.sha256(archive.read_bytes()).hexdigest() for archive in archives]
        key = hashlib.sha256("\n".join([*texts, *command, _processor(), *sums]).encode()).hexdigest()
        prefix = _private_folder() / f"{source.stem}-{key[:24]}"
        return ctypes.CDLL(str(_sound(prefix) or _compile(command, (source, *archives), prefix)))
    except (BuildError, OSError, StorageError) as error:
        if instead is not None:
            _warn_once(instead, str(error))
        return None


@functools.cache
def _warn_once(instead: str, reason: str) -> None:
    logger.warning("%s: %s", instead, reason)


def _sound(prefix: Path) -> Path | None:
    """A library of that name whose content is what it was when it was compiled, or None."""
    for library in sorted(prefix.parent.glob(f"{prefix.name}-*.so")):
        if read_sound(library) is not None:
            return library
        logger.warning("%s was damaged: set aside and compiled again", library)
    return None


def _find_compiler() -> str:
    for name in COMPILERS:
        if found := shutil.which(name):
            return found
    raise BuildError(f"no C++ compiler on PATH; looked for {', '.join(COMPILERS)}")


def _processor() -> str:
    """Describe what -march=native depends on."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() + platform.machine()
    return "\n".join(sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))}))


def _private_folder() -> Path:
    """Make the cache folder, or refuse one that is not this user's alone."""
    folder = cache_root() / "kernels"
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()  # a link could lead anywhere
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise BuildError(f"{folder}: needs to be a folder of this user with mode 0700")
    return folder


def _compile(command: list[str], inputs: tuple[Path, ...], prefix: Path) -> Path:
    """Compile beside the library and move it there, as other processes may be doing the same."""
    with tempfile.TemporaryDirectory(dir=prefix.parent) as scratch:
        made = Path(scratch) / f"{prefix.name}.so"
        try:
            subprocess.run(
                [*command, *map(str, inputs), "-o", str(made)],
                check=True, capture_output=True, text=True, timeout=PATIENCE_S,
            )  # fmt: skip
        except subprocess.CalledProcessError as error:
            raise BuildError(f"{' '.join(command)} failed:\n{error.stderr.strip()}") from error
        except subprocess.TimeoutExpired as error:
            raise BuildError(f"{command[0]} took more than {PATIENCE_S:.0f} s") from error
        # The name is the content's: nothing is ever overwritten under a process that has it loaded.
        library = prefix.with_name(f"{prefix.name}-{sum_in_name(made.read_bytes())}.so")
        put_in_place(made, library)
    return library
