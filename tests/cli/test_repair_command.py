from __future__ import annotations

from pathlib import Path

from cli_runs import raysearch
from toy import create_ledger

from raysearch.ledger.asking_records import Asked
from raysearch.ledger.ledger import FILE_NAME


def test_a_damaged_ledger_names_the_command_that_says_what_it_would_cut_and_cuts_it(tmp_path: Path) -> None:
    folder = tmp_path / "runs/s"
    with create_ledger(folder) as ledger:
        ledger.append(
            [Asked(trial=number, settings={"learning_rate": 0.1, "width": 3}) for number in range(3)]
        )
    path = folder / FILE_NAME
    sound = path.read_bytes()
    lines = sound.splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], lines[2].replace(b"asked", b"esked"), *lines[3:]]))
    damaged = path.read_bytes()

    told = raysearch(tmp_path, "status", "s")
    assert told.code == 74
    named = told.err.strip().rpartition("keep the part before that byte: ")[2]
    assert named == "raysearch repair s --runs runs"

    looked = raysearch(tmp_path, *named.split()[1:])
    assert looked.code == 0
    kept, cut = len(b"".join(lines[:2])), len(b"".join(lines[2:]))
    assert f"keeps records 0 to 1 ({kept:,} bytes); cuts {cut:,} bytes: 1 sound records" in looked.out
    assert "nothing was changed; to cut it: raysearch repair s --yes" in looked.out
    assert path.read_bytes() == damaged

    done = raysearch(tmp_path, "repair", "s", "--yes")
    assert done.code == 0
    assert path.read_bytes() == b"".join(lines[:2])
    (copy,) = folder.glob(f"{FILE_NAME}.damaged-*")
    assert copy.read_bytes() == damaged
    assert raysearch(tmp_path, "status", "s").code == 0
