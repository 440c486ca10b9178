"""Files that are made again in a folder: those of other versions of libraries are not mixed unsaid."""

import json

import pytest
from typer.testing import CliRunner

from raysearch.cli.data import app
from raysearch.data import made_versions
from raysearch.data.showers import make as module
from raysearch.data.showers.make import make_showers
from raysearch.errors import InputError


@pytest.fixture
def versions(monkeypatch):
    """Versions of the libraries, to be changed; files have ten showers."""
    found = {"raysearch": "1", "numpy": "2.0", "torch": "2.13"}
    monkeypatch.setattr(made_versions, "versions_of", lambda _: dict(found))
    monkeypatch.setattr(module, "FILE", 10)
    return found


def provenance(folder):
    return json.loads((folder / "provenance.json").read_text())


def killed_after_the_first_file(folder, monkeypatch):
    def write(path, *rest):
        if "_1_" in path.name:
            raise KeyboardInterrupt
        whole(path, *rest)

    whole = module._write
    with monkeypatch.context() as patched:
        patched.setattr(module, "_write", write)
        with pytest.raises(KeyboardInterrupt):
            make_showers(folder, 20, seed=1)
    return folder / "electrons_0_0_10.h5"


def test_a_killed_command_is_not_ended_by_other_versions(tmp_path, monkeypatch, versions):
    first = killed_after_the_first_file(tmp_path, monkeypatch)
    assert "unfinished" in provenance(tmp_path)
    versions["numpy"] = "2.1"
    with pytest.raises(InputError, match=r"files there were made with numpy 2\.0 \(here 2\.1\)"):
        make_showers(tmp_path, 20, seed=1)
    versions |= {"numpy": "2.0", "raysearch": "2"}
    content = first.read_bytes()
    make_showers(tmp_path, 20, seed=1)
    assert first.read_bytes() == content
    assert provenance(tmp_path)["versions"] == versions
    assert not {"unfinished", "versions_unknown_of"} & provenance(tmp_path).keys()


def test_a_finished_folder_keeps_the_versions_that_made_it(tmp_path, versions):
    make_showers(tmp_path, 20, seed=1)
    versions["torch"] = "2.14"
    make_showers(tmp_path, 20, seed=1)
    assert provenance(tmp_path)["versions"]["torch"] == "2.13"


def test_files_without_a_word_on_versions_are_kept_and_said(tmp_path, monkeypatch, versions):
    killed_after_the_first_file(tmp_path, monkeypatch)
    (tmp_path / "provenance.json").unlink()  # raysearch 0.1.0 wrote it at the end alone
    command = ["make", "showers", "--showers", "20", "--seed", "1", "--out", str(tmp_path)]
    for _ in range(2):
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 0, done.output
        assert "warning: electrons_0_0_10.h5 in" in done.output
        assert provenance(tmp_path)["versions_unknown_of"] == ["electrons_0_0_10.h5"]
