"""Awkward data at the command line: told before the first run, in the ledger, in the report, by predict."""

import h5py
import numpy as np
import pytest
from cli_runs import raysearch

from raysearch.data.jets.files import SAMPLE
from raysearch.ledger.history import read_history

DNN = ("jet-dnn", "--local", "--trials", "1", "--set", "budget.epochs=1")


def write(path, rows, change=lambda jets: None, **more):
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(SAMPLE) as file:
        jets = {name: item[:] if name.endswith("Names") else item[:][rows] for name, item in file.items()}
    jets |= more
    change(jets)
    with h5py.File(path, "w") as file:
        for name, values in jets.items():
            file[name] = values
    return path


def test_all_that_is_named_is_read_and_what_is_odd_is_told_everywhere(tmp_path):
    write(tmp_path / "a/x.h5", slice(0, 9000, 9), weight=np.ones(1000))
    write(tmp_path / "b/x.h5", slice(1, 9000, 9))
    (tmp_path / "a/notes.txt").touch()
    got = raysearch(tmp_path, "tune", *DNN, "--data", "b", "--data", "a", "--name", "s")
    assert got.code == 0, got.err
    assert "data: 2 files, " in got.out + got.err
    data = read_history(tmp_path / "runs/s").created.data
    assert data["n_train"] + data["n_validation"] + data["n_test"] == 2000
    assert list(data["files"]) == ["a/x.h5", "b/x.h5"]
    assert data["path"] == [str(tmp_path / "b"), str(tmp_path / "a")]
    assert "pT of a jet in GeV" in data["spread"]
    warnings = ("a/x.h5: not used are weight", f"{tmp_path}/a: passed over notes.txt;")
    report = (tmp_path / "runs/s/report/report.md").read_text()
    check = raysearch(tmp_path, "data", "check", "a", "b")
    assert check.out == "ok: 2,000 jets in 2 file(s), no fault found; 2 warnings above\n"
    for warning, told in zip(warnings, data["warnings"], strict=True):
        assert told.startswith(warning)
        assert f"warning: {warning}" in got.out + got.err
        assert f"warning: {warning.removeprefix(f'{tmp_path}/')}" in check.err
        assert f"Data: {warning}" in report
    assert f"{tmp_path}/b, {tmp_path}/a" in report
    assert raysearch(tmp_path, "resume", "s", "--local", "--trials", "+1").code == 0


def test_a_class_that_is_missing_in_a_part_ends_it_before_the_first_run(tmp_path):
    def no_top_in_the_test(jets):
        jets["jets"][240:][:, 53:58] = np.eye(5)[np.arange(60) % 4]

    write(
        tmp_path / "jets.h5", slice(0, 3000, 10), lambda jets: (jets.pop("event"), no_top_in_the_test(jets))
    )
    got = raysearch(tmp_path, "tune", *DNN, "--data", "jets.h5", "--name", "s")
    assert got.code == 2
    assert "data: the test part has no jet of class t among its 60, split by rows" in got.err
    assert not (tmp_path / "runs/s").exists()
    check = raysearch(tmp_path, "data", "check", "jets.h5")
    assert check.code == 0
    assert "warning: data: the test part has no jet of class t" in check.err


@pytest.mark.parametrize("command", [("data", "check", "jets.h5"), ("tune", *DNN, "--data", "jets.h5")])
def test_padding_with_a_number_is_refused_by_check_and_tune_alike(tmp_path, command):
    def pad(jets):
        jets["jetConstituentList"][(jets["jetConstituentList"] == 0).all(axis=-1)] = -999

    write(tmp_path / "jets.h5", slice(0, 1000, 10), pad)
    got = raysearch(tmp_path, *command)
    assert got.code == 2
    assert "constituents padded with -999 where 0 is needed" in got.err


def test_predict_tells_what_is_far_from_the_study_and_scores_no_empty_jet(tmp_path):
    some = slice(0, 2000, 4)
    write(tmp_path / "jets.h5", some)
    space = (
        "space={layers: 1, neurons: 4, activation: relu, dropout: 0.0, units: 4, constituents: 5, optimizer: "
        "adam, batch_size: 50, learning_rate: {type: float, low: 0.001, high: 0.002}}"
    )
    got = raysearch(tmp_path, "tune", "jet-gru", *DNN[1:], "--set", space, "--data", "jets.h5", "--name", "s")
    assert got.code == 0, got.err

    def predict(change):
        write(tmp_path / "other.h5", some, change)
        return raysearch(tmp_path, "predict", "s", "--data", "other.h5", "--out", "scores.h5", "--force")

    def in_mev(jets):
        jets["jetConstituentList"] *= 1000

    def emptied(jets):
        jets["jetConstituentList"][:5] = 0

    def padded(jets):
        jets["jetConstituentList"][7, -1] = -999

    same = predict(lambda jets: None).err  # bit by bit the study's file
    assert (same.count("warning"), same.count("were trained on")) == (1, 1)
    told = predict(in_mev).err
    assert "warning: pT of a jet in GeV: 1.034e+06 on average, 8,952 standard deviations from the" in told
    with h5py.File(tmp_path / "scores.h5") as file:
        assert len(file.attrs["warnings"]) == 1
    got = predict(emptied)
    assert "warning: 5 jets without constituents: predictions of them are NaN" in got.err
    with h5py.File(tmp_path / "scores.h5") as file:
        assert np.isnan(file["scores"][:5]).all()
        assert np.isfinite(file["scores"][5:]).all()
    got = predict(padded)
    assert got.code == 2
    assert "other.h5: 1 constituents padded with -999 where 0 is needed" in got.err
