import numpy as np
import pytest

from raysearch.data.faults import Faults
from raysearch.errors import InputError


def test_refusals_and_counted_values_of_all_files_are_told_in_order(tmp_path):
    one, two = tmp_path / "one.h5", tmp_path / "two.h5"
    faults, read = Faults(), []
    with faults.of(one) as values:
        values.note("cells below 0", np.array([[0, 1], [1, 1]], bool), 100, "ECAL[{}]")
        values.note("cells below 0", np.array([[1, 0]], bool), 200, "ECAL[{}]")
        values.note("energies that are odd", np.zeros(3, bool), 0, "energy of shower {}")
        raise InputError("one: cut short", "one: empty")
    with faults.of(two) as values:
        values.note("energies that are odd", np.array([False, True]), 7, "energy of shower {}")
        read.append(two)
    faults.add(["files differ"])
    with pytest.raises(InputError) as caught:
        faults.raise_any()
    assert caught.value.problems == (
        "one: cut short",
        "one: empty",
        f"{one}: 4 cells below 0, first ECAL[100, 1]",
        f"{two}: 1 energies that are odd, first energy of shower 8",
        "files differ",
    )
    assert read == [two]


def test_without_faults_nothing_is_raised_and_other_errors_pass(tmp_path):
    faults = Faults()
    with pytest.raises(ZeroDivisionError), faults.of(tmp_path):
        _ = 1 / 0
    with faults.of(tmp_path):
        pass
    faults.raise_any()
