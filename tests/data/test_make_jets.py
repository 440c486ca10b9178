import sys

import numpy as np
import pytest
from whole_jets import load_jets

from raysearch.data.jets.files import check_jets
from raysearch.data.jets.layout import CLASSES, JET_COLUMNS
from raysearch.data.jets.make import make_jets
from raysearch.errors import InputError, ResourceError


def test_refuses_what_cannot_be_made(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(InputError) as caught:
        make_jets(blocked, 7, seed=1, workers=0)
    assert len(caught.value.problems) == 3


def test_names_the_missing_extra(tmp_path, monkeypatch):
    for name in ("pythia8mc", "fastjet", "awkward"):
        monkeypatch.setitem(sys.modules, name, None)  # how Python marks a module that cannot be imported
    with pytest.raises(
        ResourceError, match=r"needs pythia8mc, fastjet, awkward: pip install 'raysearch\[hep\]'"
    ):
        make_jets(tmp_path / "jets", 5, seed=1)
    assert not (tmp_path / "jets").exists()


@pytest.mark.hep
def test_same_bits_with_one_and_two_workers(tmp_path):
    seen = []
    one = make_jets(
        tmp_path / "1", 300, seed=5, workers=1, progress=lambda done, total: seen.append((done, total))
    )
    two = make_jets(tmp_path / "2", 300, seed=5, workers=2)
    assert seen == [(60, 300), (120, 300), (180, 300), (240, 300), (300, 300)]
    assert [file.name for file in one] == ["jetImage_0_150p_0_300.h5"]
    assert [file.read_bytes() for file in one] == [file.read_bytes() for file in two]


@pytest.mark.hep
def test_seeds_differ_and_jets_have_the_right_kinds_and_cuts(tmp_path):
    jets = []
    for seed in (1, 2):
        make_jets(tmp_path / str(seed), 50, seed=seed, workers=2, compact=True)
        assert check_jets(tmp_path / str(seed)).n_per_class == dict.fromkeys(CLASSES, 10)
        jets.append(load_jets(tmp_path / str(seed), 150))
    assert not np.isin(jets[0].jets[:, 1], jets[1].jets[:, 1]).any()
    pt = jets[0].jets[:, JET_COLUMNS.index("j_pt")]
    assert ((pt > 800) & (pt < 1600)).all()
    assert np.bincount(np.unique(jets[0].events, return_inverse=True)[1]).max() == 2
    assert (jets[0].jets[:, 53:58].argmax(axis=1) == jets[0].labels).all()
