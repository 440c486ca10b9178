"""Opens an HDF5 file for reading only after nothing in it is found hostile or broken.

An HDF5 file can point at other files (external and soft links, external storage, virtual datasets), ask
for filters that are loaded as shared libraries, or declare terabytes in a few kilobytes. Readers that
closed these doors one by one were opened again through the next (Keras: CVE-2026-1669, CVE-2026-12480).
So everything that our files do not need is refused before any value is read.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import h5py

from raysearch.errors import InputError

FILTERS = {
    h5py.h5z.FILTER_DEFLATE: "deflate",
    h5py.h5z.FILTER_SHUFFLE: "shuffle",
    h5py.h5z.FILTER_FLETCHER32: "fletcher32",
    h5py.h5z.FILTER_LZF: "lzf",
}
MAX_OBJECTS = 1000
MAX_DEPTH = 8
FREE_BYTES = 64 * 2**20  # what a file of any size may declare
PLAIN_COPY = (
    "if you trust the file, make a plain copy of it, plain.h5, which is read (filters of plugins need import "
    "hdf5plugin before h5py): python -c 'import h5py, sys; a, b = h5py.File(sys.argv[1]), "
    'h5py.File("plain.h5", "w"); '
    "[b.create_dataset(name, data=a[name][()]) for name in a]' "
)
MAX_EXPANSION = 200  # declared bytes per byte on disk beyond that; padded jets reach about 30


def open_hdf5(path: Path) -> h5py.File:
    """Open a file for reading if all of it can be trusted.

    Args:
        path: the file.

    Returns:
        The open file; the caller closes it.

    Raises:
        InputError: not there, not HDF5, cut short, or holding what is refused; lists all that is refused.
    """
    try:
        file = h5py.File(path, "r", locking="best-effort")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        size = path.stat().st_size if path.is_file() else 0
        raise InputError(f"{path}: not a whole HDF5 file ({size} bytes): {error}") from None
    try:
        problems = [f"{path}: {problem}" for problem in _problems(file, path.stat().st_size)]
        if problems:
            problems.append(f"{path}: {PLAIN_COPY}{shlex.quote(str(path))}")
    except (OSError, RuntimeError, KeyError, ValueError) as error:  # what h5py raises on damaged metadata
        problems = [f"{path}: damaged HDF5 metadata: {error}"]
    if problems:
        file.close()
        raise InputError(*problems)
    return file


def _problems(file: h5py.File, size: int) -> Iterator[str]:
    declared = 0
    seen: set[int] = set()
    groups = [(file["/"], 0)]
    while groups:
        group, depth = groups.pop()
        for name in group:
            where = f"{group.name.rstrip('/')}/{name}"
            link = group.get(name, getlink=True)
            # A link may lead to any file that this user can read.
            if not isinstance(link, h5py.HardLink):
                yield f"{where}: is a {type(link).__name__}; only data inside the file is read"
                continue
            item = group[name]
            address = h5py.h5o.get_info(item.id).addr
            # Two names of one object, or a group that holds itself, which would be walked without end.
            if address in seen:
                continue
            seen.add(address)
            if len(seen) > MAX_OBJECTS or depth >= MAX_DEPTH:
                yield f"{where}: more than {MAX_OBJECTS} objects or {MAX_DEPTH} levels of groups"
                return
            if isinstance(item, h5py.Group):
                groups.append((item, depth + 1))
            elif isinstance(item, h5py.Dataset):
                yield from (f"{where}: {problem}" for problem in _dataset_problems(item))
                declared += item.nbytes
    allowed = FREE_BYTES + MAX_EXPANSION * size
    # A few bytes can declare terabytes, which the first read would try to hold.
    if declared > allowed:
        yield f"declares {declared:,} bytes in a file of {size:,}; at most {allowed:,} are believed"


def _dataset_problems(dataset: h5py.Dataset) -> Iterator[str]:
    creation = dataset.id.get_create_plist()
    if creation.get_external_count():
        yield "keeps its data in another file (external storage); only data inside the file is read"
    if dataset.is_virtual:
        yield "is a virtual dataset; only data inside the file is read"
    for position in range(creation.get_nfilters()):
        code = creation.get_filter(position)[0]
        # HDF5 loads other filters as code, from a folder that the environment names.
        if code not in FILTERS:
            yield f"uses HDF5 filter {code}; allowed are {', '.join(FILTERS.values())}"
