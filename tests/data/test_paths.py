"""Nothing that a user named is left out without a word, and nothing that nobody named stops a study."""

import h5py
import pytest

from raysearch.data.files import sums
from raysearch.data.paths import hdf5_files, names_of, passed_over
from raysearch.errors import InputError
from raysearch.space.space_file import change_space_file, read_space_file

SPACE = {
    "task": "jet-dnn",
    "space": {"layers": {"type": "int", "low": 1, "high": 2}},
    "search": {"trials": 1},
    "budget": {"epochs": 1},
    "seed": 1,
}


@pytest.fixture
def folder(tmp_path):
    """Files of HDF5 under the names that are asked for, each with other content."""

    def make(*names, under="jets"):
        for number, name in enumerate(names):
            path = tmp_path / under / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with h5py.File(path, "w") as file:
                file["x"] = number
        return tmp_path / under

    return make


def listed(path):
    return [file.name for file in hdf5_files(path, None)]


def test_endings_in_capitals_are_read_and_other_hdf5_is_named(folder):
    jets = folder("a.h5", "B.H5", "c.Hdf5", "d.hdf", "e.he5")
    (jets / "notes.txt").write_text("mine")
    assert listed(jets) == ["B.H5", "a.h5", "c.Hdf5"]
    (line,) = passed_over(jets)
    assert line.startswith(f"{jets}: passed over d.hdf (HDF5), e.he5 (HDF5), notes.txt;")


def test_a_folder_without_our_endings_says_what_it_holds_instead(folder):
    with pytest.raises(InputError, match=r"holds no file ending in .h5 or .hdf5, but d.hdf is HDF5; name"):
        listed(folder("d.hdf"))
    with pytest.raises(InputError, match="its folders, such as inner, are not searched: name them"):
        listed(folder("inner/a.h5", under="outer"))


def test_links_to_nowhere_and_folders_are_told(folder):
    jets = folder("a.h5", "more/b.h5")
    (jets / "lost.h5").symlink_to(jets / "gone.h5")
    assert listed(jets) == ["a.h5"]
    assert "passed over lost.h5 (a link to nowhere), more (a folder)" in passed_over(jets)[0]
    with pytest.raises(InputError, match=r"lost.h5: is a link to .*gone.h5, which is not there"):
        listed(jets / "lost.h5")


def test_of_many_only_a_few_are_named(folder):
    jets = folder("a.h5")
    for number in range(9):
        (jets / f"{number}.txt").touch()
    assert "passed over 0.txt, 1.txt, 2.txt, 3.txt and 5 more;" in passed_over(jets)[0]


def test_what_macos_and_our_own_makers_leave_is_passed_over_without_a_word(folder):
    jets = folder("a.h5")
    (jets / "._a.h5").write_bytes(b"\x00\x05\x16\x07" + bytes(100))
    (jets / ".DS_Store").touch()
    (jets / "provenance.json").touch()
    assert listed(jets) == ["a.h5"]
    assert passed_over(jets) == []
    with h5py.File(jets / "._b.h5", "w"):
        pass
    assert listed(jets) == ["._b.h5", "a.h5"]  # HDF5 all the same, and it was always read


def test_several_paths_are_one_sorted_set_whichever_comes_first(folder):
    one, two = folder("a.h5", "c.h5", under="one"), folder("b.h5", "d.dat", under="two")
    both = (one, two / "b.h5", two / "d.dat")
    assert listed(both) == listed(both[::-1]) == ["a.h5", "b.h5", "c.h5", "d.dat"]
    assert passed_over((one, two)) == passed_over(two)


def test_a_file_that_is_named_twice_and_every_path_that_is_wrong_are_told(folder):
    one = folder("a.h5", under="one")
    with pytest.raises(InputError) as caught:
        listed((one, one / "a.h5", one / "none.h5"))
    assert caught.value.problems == (
        f"{one}/none.h5: no such file or folder",
        f"{one}/a.h5: is named twice",
    )


def test_files_of_one_name_keep_a_sum_each(folder):
    one, two = folder("a.h5", "b.h5", under="one"), folder("x.h5", "a.h5", under="two")
    files = hdf5_files((one, two), None)
    assert names_of(files) == ["one/a.h5", "two/a.h5", "one/b.h5", "two/x.h5"]
    assert len(sums(files)) == 4
    assert list(sums(hdf5_files(one, None))) == ["a.h5", "b.h5"]


def paths_in(space_file):
    return space_file.data.path


def test_a_space_file_takes_one_path_or_several_and_knows_the_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    one = read_space_file({**SPACE, "data": {"path": "~/jets"}})
    assert paths_in(one) == str(tmp_path / "jets")
    alone = read_space_file(SPACE, ["data.path=['~/jets']"])
    assert (paths_in(alone), alone.identity) == (paths_in(one), one.identity)
    several = read_space_file(SPACE, ["data.path=[~/jets, other]"])
    assert paths_in(several) == (str(tmp_path / "jets"), str(tmp_path / "other"))
    assert paths_in(change_space_file(one, ["data.path=~/more"])) == str(tmp_path / "more")


def test_a_task_of_ones_own_in_the_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    found = read_space_file({**SPACE, "task": "~/mine.py:Mine"})
    assert found.task == f"{tmp_path}/mine.py:Mine"


@pytest.mark.parametrize("path", [[], 2024, [""], ["a", None]])
def test_what_is_no_path_is_told_in_plain_words(path):
    with pytest.raises(InputError, match=r"data.path: must be a file or folder, or a list of them, got"):
        read_space_file({**SPACE, "data": {"path": path}})
