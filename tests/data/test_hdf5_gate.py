import subprocess
import sys

import h5py
import numpy as np
import pytest

from raysearch.data.hdf5_gate import MAX_OBJECTS, open_hdf5
from raysearch.data.jets.files import check_jets
from raysearch.errors import InputError


def told(path):
    with pytest.raises(InputError) as caught:
        open_hdf5(path)
    return caught.value.problems


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret.h5"
    with h5py.File(path, "w") as file:
        file["secret"] = np.arange(10.0)
    return path


def test_opens_an_honest_file_with_all_allowed_filters(tmp_path):
    path = tmp_path / "good.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("a", data=np.arange(100.0), compression="gzip", shuffle=True, fletcher32=True)
        file.create_dataset("b/c", data=np.arange(100.0), compression="lzf")
        file["b/again"] = file["a"]
    with open_hdf5(path) as file:
        assert file["b/c"][5] == 5


def test_every_way_out_of_the_file_is_refused_and_all_are_listed(tmp_path, secret):
    path = tmp_path / "bad.h5"
    (tmp_path / "raw.bin").write_bytes(bytes(80))
    layout = h5py.VirtualLayout(shape=(10,), dtype="f8")
    layout[:] = h5py.VirtualSource(secret, "secret", shape=(10,))
    with h5py.File(path, "w") as file:
        file["external"] = h5py.ExternalLink(str(secret), "/secret")
        file["deep/soft"] = h5py.SoftLink("/external")
        file.create_virtual_dataset("virtual", layout)
        file.create_dataset("storage", (10,), "f8", external=[(str(tmp_path / "raw.bin"), 0, 80)])
    problems = told(path)
    *problems, remedy = problems
    assert len(problems) == 4
    assert "make a plain copy of it" in remedy
    for where, what in {
        "/external": "is a ExternalLink",
        "/deep/soft": "is a SoftLink",
        "/virtual": "is a virtual dataset",
        "/storage": "external storage",
    }.items():
        assert any(line.startswith(f"{path}: {where}: ") and what in line for line in problems), problems


def test_a_filter_that_may_load_a_library_is_refused(tmp_path):
    path = tmp_path / "szip.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=np.arange(100), chunks=(10,), scaleoffset=4)
    (problem, _) = told(path)
    assert problem == f"{path}: /x: uses HDF5 filter 6; allowed are deflate, shuffle, fletcher32, lzf"


def test_a_small_file_that_declares_terabytes_is_refused(tmp_path):
    path = tmp_path / "bomb.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", (2**30, 128), "f8", chunks=(1024, 128))
    assert path.stat().st_size < 10_000
    assert "declares 1,099,511,627,776 bytes" in told(path)[0]


def virtual(path, secret):
    layout = h5py.VirtualLayout(shape=(10,), dtype="f8")
    layout[:] = h5py.VirtualSource(secret, "secret", shape=(10,))
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("x", layout)


def sparse(path, _):
    with h5py.File(path, "w") as file:
        file.create_dataset("x", (9 * 2**20,), "f8", chunks=(2**20,), compression="gzip")[:10] = np.arange(
            10.0
        )


def filtered(path, _):
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=np.arange(10), chunks=(10,), scaleoffset=4)


@pytest.mark.parametrize("make", [virtual, sparse, filtered])
def test_a_refusal_says_a_command_that_makes_a_copy_which_is_read(tmp_path, secret, make):
    path = tmp_path / "it's here.h5"
    make(path, secret)
    command = told(path)[-1].partition("before h5py): ")[2]
    python = command.replace("python -c", f"{sys.executable} -c", 1)
    subprocess.run(python, shell=True, cwd=tmp_path, check=True)
    with open_hdf5(tmp_path / "plain.h5") as file:
        assert file["x"][:10].tolist() == list(range(10))


def test_endless_groups_and_cycles(tmp_path):
    cycle = tmp_path / "cycle.h5"
    with h5py.File(cycle, "w") as file:
        file["group/x"] = 1.0
        file["group/itself"] = file["group"]
        file["group/root"] = file["/"]
    open_hdf5(cycle).close()
    deep = tmp_path / "deep.h5"
    with h5py.File(deep, "w") as file:
        file["/".join("g" * 50)] = 1.0
    many = tmp_path / "many.h5"
    with h5py.File(many, "w") as file:
        for number in range(MAX_OBJECTS + 1):
            file.create_group(str(number))
    for path in (deep, many):
        assert "objects or" in told(path)[0]


def test_a_file_cut_anywhere_is_refused_by_name(tmp_path, write_public):
    whole = write_public()
    content = whole.read_bytes()
    path = tmp_path / "cut.h5"
    for length in np.linspace(0, len(content) - 1, 50).astype(int):
        path.write_bytes(content[:length])
        with pytest.raises(InputError, match=r"cut.h5: not a whole HDF5 file \(\d+ bytes\)"):
            open_hdf5(path)


def test_flipped_bits_end_in_a_named_error_or_in_a_clean_read(tmp_path, write_public):
    content = write_public(n=5).read_bytes()
    path = tmp_path / "flipped.h5"
    rng = np.random.default_rng(0)
    messages = []
    for place in rng.integers(0, min(len(content), 4000), 40):  # the first 4 kB are metadata
        flipped = bytearray(content)
        flipped[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(flipped)
        try:
            check_jets(path)
        except InputError as error:
            messages.append(str(error))
    assert messages
    assert all("flipped.h5" in message for message in messages)


def test_what_is_not_hdf5(tmp_path):
    text = tmp_path / "text.h5"
    text.write_text("jets")
    assert told(tmp_path / "none.h5") == (f"{tmp_path}/none.h5: no such file",)
    assert told(text)[0].startswith(f"{text}: not a whole HDF5 file (4 bytes)")
    assert told(tmp_path)[0].startswith(f"{tmp_path}: not a whole HDF5 file")
