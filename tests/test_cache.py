"""One folder for all caches, also for users without a home."""

import pwd
import tempfile

import pytest

from raysearch.cache import cache_root
from raysearch.data.prepared import cache_folder
from raysearch.models.kernels import build


@pytest.fixture
def bare(monkeypatch):
    """No variable says where."""
    for name in ("RAYSEARCH_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_the_first_that_is_given_counts(bare, tmp_path):
    bare.setenv("HOME", str(tmp_path / "home"))
    assert cache_root() == tmp_path / "home" / ".cache" / "raysearch"
    bare.setenv("XDG_CACHE_HOME", "relative")
    assert cache_root() == tmp_path / "home" / ".cache" / "raysearch"
    bare.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_root() == tmp_path / "xdg" / "raysearch"
    bare.setenv("RAYSEARCH_CACHE", "~/mine")
    assert cache_root() == tmp_path / "home" / "mine"


def test_arrays_and_kernels_lie_side_by_side(bare, tmp_path):
    bare.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "raysearch" / "arrays"
    assert build._private_folder() == tmp_path / ".cache" / "raysearch" / "kernels"


def test_a_user_without_a_home_has_temporary_ones(bare, tmp_path):
    def nobody(uid):
        raise KeyError(uid)

    bare.setattr(pwd, "getpwuid", nobody)
    bare.setattr(tempfile, "tempdir", str(tmp_path))
    assert cache_root().parent == tmp_path
    assert cache_folder().is_dir()
    assert build._private_folder().is_dir()
