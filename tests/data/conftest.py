from pathlib import Path

import h5py
import numpy as np
import pytest

from raysearch.data.jets.layout import CLASSES, FEATURES, JET_COLUMNS


def _content(n: int, width: int, first: int) -> dict[str, np.ndarray]:
    """Constituent c of jet j: feature f holds j + c / 100 + f / 10000, e twice, and pT falls from 100 - c."""
    jet, constituent, feature = np.meshgrid(
        np.arange(first, first + n), np.arange(width), np.arange(16), indexing="ij"
    )
    constituents = jet + constituent / 100 + feature / 10_000
    constituents[..., FEATURES.index("j1_pt")] = 100.0 - np.arange(width)
    constituents[..., FEATURES.index("j1_e")] *= 2  # more than the momentum, as it must be
    constituents[:, 5:] = 0.0  # five constituents a jet, then padding
    jets = np.arange(n)[:, None] + np.arange(59) / 100
    jets[:, 53:] = 0.0
    jets[np.arange(n), 53 + np.arange(n) % len(CLASSES)] = 1.0
    return {"constituents": constituents, "jets": jets}


@pytest.fixture
def write_public(tmp_path):
    """Write a file as the public ones are; `change` may alter datasets, and drop those it sets to None."""

    def write(
        name="jetImage_0_8p_0_20.h5", n=20, width=8, first=0, text=bytes, change=lambda datasets: None
    ) -> Path:
        kind = "S" if text is bytes else h5py.string_dtype()
        content = _content(n, width, first)
        datasets = {
            "jetConstituentList": content["constituents"],
            "jets": content["jets"],
            "particleFeatureNames": np.array([*FEATURES, "j1_pdgid"], dtype=kind),
            "jetFeatureNames": np.array(JET_COLUMNS, dtype=kind),
            "jetImage": np.zeros((n, 10, 10)),
            "jetImageECAL": np.zeros((n, 10, 10)),
        }
        change(datasets)
        path = tmp_path / name
        with h5py.File(path, "w") as file:
            for key, values in datasets.items():
                if values is not None:
                    file[key] = values
        return path

    return write
