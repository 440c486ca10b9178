import json

import pytest
from typer.testing import CliRunner

from raysearch.cli.data import app
from raysearch.errors import InputError

runner = CliRunner()


def run(*words):
    return runner.invoke(app, [str(word) for word in words], catch_exceptions=False)


def test_info_of_the_sample_as_json():
    facts = json.loads(run("info", "-f", "json").stdout)
    assert facts["jets"] == sum(facts["jets_per_class"].values()) == 10_000
    assert facts["classes"] == list(facts["jets_per_class"]) == ["g", "q", "w", "z", "t"]
    assert facts["features_derived_from_momenta"]
    assert facts["split"]["by"] == "event"
    assert facts["split"]["training"] + facts["split"]["validation"] + facts["split"]["test"] == 10_000


def test_info_of_a_public_file_as_a_table(write_public):
    text = run("info", write_public(n=20)).stdout
    assert "jets per class" in text
    assert "by: rows" in text


def test_info_of_too_few_jets_to_split(write_public):
    facts = json.loads(run("info", write_public(n=2), "--format", "json").stdout)
    assert "is no jet" in facts["split"]["impossible"]


def test_check_says_ok_or_raises_the_faults(write_public):
    assert run("check").stdout == "ok: 10,000 jets in 1 file(s), no fault found\n"
    path = write_public(change=lambda datasets: datasets.update(jets=None))
    with pytest.raises(InputError, match="jets: is missing"):
        run("check", path)


def test_make_jets_refuses_all_that_cannot_be_at_once(write_public):
    path = write_public()
    folder = path.parent
    with pytest.raises(InputError) as caught:
        run("make", "jets", "--jets", 12, "--workers", 0, "--out", folder)
    assert caught.value.problems == (
        "jets: must be a positive multiple of 5, the classes, got 12",
        "workers: must be at least 1, got 0",
        f"{path}: is not of this command; name another folder",
    )
