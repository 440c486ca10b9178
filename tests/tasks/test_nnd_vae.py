"""The NND VAE as a task: settings, batches, warm-up, what is judged and shown, and generation."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from jet_files import sample_clouds, write_jetnet

from raysearch.data.clouds.jets import load_jet_clouds
from raysearch.data.conditions import Conditions
from raysearch.data.digits.arrays import digit_clouds
from raysearch.data.digits.files import digit_files
from raysearch.data.jets.layout import PARTICLES
from raysearch.data.source import DataSource
from raysearch.data.tensors import Parts, TensorData
from raysearch.data.to_score import Piece
from raysearch.errors import InputError
from raysearch.metrics.generation.jet_sample import JetSample
from raysearch.metrics.shown import Pictures, Spectra, pack, unpack
from raysearch.models.nnd_loss import FORMS
from raysearch.models.nnd_shape import PUBLISHED, SetShape
from raysearch.models.nnd_vae import NndVae
from raysearch.tasks.cloud_rows import DIGIT_POINTS
from raysearch.tasks.nnd_vae import NndVaeTask
from raysearch.tasks.nnd_vae_results import RECONSTRUCTED, RECONSTRUCTED_SEEN
from raysearch.tasks.nnd_vae_rows import MEANS, NUMBER, POINTS, SEEN, STATISTICS, in_files_units
from raysearch.tasks.nnd_vae_settings import NndVaeSettings
from raysearch.training.descent import Descent, Place
from raysearch.training.workers import OneWorker

DIGITS = NndVaeSettings(points=12, filters=2, latent=3, batch_size=10)
JETS = NndVaeSettings(clouds="jets", of_class="g", points=14, filters=2, hidden=5, latent=3, batch_size=10)
N = 200


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> DataSource:
    """A few of scikit-learn's digits."""
    path = tmp_path_factory.mktemp("digits") / "few.csv"
    with gzip.open(digit_files()[0], "rt") as all_of_them:
        path.write_text("".join(next(all_of_them) for _ in range(N)))
    return DataSource(str(path), (0.5, 0.25, 0.25))


@pytest.fixture(scope="module")
def jet_source(tmp_path_factory: pytest.TempPathFactory) -> DataSource:
    """Jets of the sample, all of them said to be of gluons, and not all of them full."""
    particles = sample_clouds()[:N]
    particles[::3, 9:] = 0
    path = write_jetnet(tmp_path_factory.mktemp("jets") / "g.hdf5", particles)
    return DataSource(str(path), (0.5, 0.25, 0.25))


@pytest.fixture(scope="module")
def task() -> NndVaeTask:
    return NndVaeTask()


@pytest.fixture(scope="module")
def parts(task: NndVaeTask, source: DataSource) -> Parts:
    return task.load(source, DIGITS)


@pytest.fixture(scope="module")
def jet_parts(task: NndVaeTask, jet_source: DataSource) -> Parts:
    return task.load(jet_source, JETS)


def built(task: NndVaeTask, settings: NndVaeSettings) -> NndVae:
    torch.manual_seed(0)
    model = task.model(settings)
    assert isinstance(model, NndVae)
    return model


def predicted(task: NndVaeTask, batch: Any, settings: NndVaeSettings) -> dict[str, torch.Tensor]:
    model, chance = built(task, settings).eval(), torch.Generator().manual_seed(1)
    with torch.no_grad():
        return dict(task.predict(model, batch, chance))


def test_all_faults_of_settings_are_told() -> None:
    with pytest.raises(InputError) as caught:
        NndVaeSettings(
            clouds="stars",
            network="round",
            form="mine",
            squared="false",  # type: ignore[arg-type] # a text, as YAML may bring one
            kl_share=1.5,
            kl_warmup_epochs=-1,
            alpha=-1,
            jet_pt_gev=0,
            learning_rate=0,
        )
    names = ("clouds", "network", "form", "squared", "kl_share", "kl_warmup_epochs", "alpha", "jet_pt_gev")
    for name in (*names, "learning_rate"):
        assert any(problem.startswith(f"{name}: needs") for problem in caught.value.problems), name


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"of_class": "g"}, "of_class: of digits needs one of 0, 1"),
        ({"clouds": "jets", "of_class": 3}, "of_class: of jets needs one of g, q"),
        ({"features": "positions"}, "features: positions alone teach no intensities"),
        ({"clouds": "jets", "features": "positions"}, "features: positions alone teach no intensities"),
        ({"features": "some"}, "features: needs one of"),
        ({"repulsion": -1.0}, "repulsion: needs at least 0"),
        ({"repulsion_range": 0.0}, "repulsion_range: needs more than 0"),
        ({"gamma_pt": -1.0}, "gamma_pt: needs at least 0"),
        ({"network": "jets", "points": 9}, "points: 9 are too few"),
        ({"network": "sets", "layers": 0}, "layers: needs"),
    ],
)
def test_what_makes_no_vae_is_refused(given: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        NndVaeSettings(**given)


def test_by_default_all_is_as_published() -> None:
    digits, jets = NndVaeSettings(), NndVaeSettings(clouds="jets")
    assert digits.shape == PUBLISHED["sparse_mnist"]
    assert jets.shape == PUBLISHED["jets"]
    assert (digits.goal.form, jets.goal.form) == (FORMS["equation"], FORMS["jets"])
    assert (digits.goal.kl_share, digits.goal.jets) == (0.5, None)
    assert jets.goal.kl_share == 0.9998
    assert jets.goal.jets is not None
    assert (jets.goal.jets.pt, jets.goal.jets.mass, jets.goal.jets.pt_from_epoch) == (1, None, 0)
    assert (digits.learning_rate, digits.batch_size, digits.optimizer) == (1e-3, 100, "adam")


def test_what_is_given_takes_the_place_of_what_is_published() -> None:
    settings = NndVaeSettings(network="superpixels", filters=4, points=30, form="oei_repulsion", squared=True)
    assert settings.shape == replace(PUBLISHED["superpixels"], filters=(4, 8, 16), points=30)
    assert settings.goal.form == replace(FORMS["oei_repulsion"], squared=True)
    jets = NndVaeSettings(clouds="jets", network="sets", width=16, gamma_mass=2.0, pt_from_epoch=100)
    assert jets.shape == SetShape(points=30, latent=30, width=16)
    assert jets.goal.jets is not None
    assert (jets.goal.jets.mass, jets.goal.jets.pt_from_epoch) == (2, 100)


def test_points_of_digits_are_in_pixels_and_intensities_as_well(
    task: NndVaeTask, source: DataSource, parts: Parts
) -> None:
    points, number, _, statistics, seen = parts.test.tensors
    assert statistics[0].tolist() == [[0, 0, 0], [7, 7, 7], [0, 0, 7]]
    assert points[..., 2].max() == points[..., 1].max() == 7
    assert torch.equal((points[..., 2] > 0).sum(1), number)
    trained_on = {digit.numpy().tobytes() for digit in parts.train.column(POINTS)}
    assert all(digit.numpy().tobytes() in trained_on for digit in seen)
    white = task.load(source, replace(DIGITS, grey=False)).test.column(POINTS)
    assert torch.equal(white[..., :2], points[..., :2])
    assert set(white[..., 2].unique().tolist()) == {7}
    back = in_files_units(points, statistics, of_jets=False)
    assert back[..., 2].max() == 1


def test_jets_are_momenta_between_those_of_training_jets(
    task: NndVaeTask, jet_source: DataSource, jet_parts: Parts
) -> None:
    points, number, _, statistics, _ = jet_parts.train.tensors
    low, span, (pt, mass, unit) = statistics[0]
    there = torch.arange(14) < number[:, None]
    assert torch.equal(points[there].amin(0), low)
    torch.testing.assert_close(points[there].amax(0), low + span)
    assert unit == 1000
    assert 300 < pt < 1000  # the 14 hardest particles of a jet of 1 TeV
    sample = JetSample(in_files_units(points, statistics, of_jets=True).numpy())
    assert 1000 * sample.mass.mean() == pytest.approx(mass.item(), rel=1e-3)
    real = load_jet_clouds(Path(str(jet_source.path)), 14).particles
    rows = {jet.round(4).tobytes() for jet in np.abs(real)}
    assert sum(jet.round(4).tobytes() in rows for jet in np.abs(sample.particles)) > 0.8 * len(points)


def test_the_data_are_described(task: NndVaeTask, source: DataSource, jet_source: DataSource) -> None:
    told = described(task, source, DIGITS)
    assert told["units"] == "digits"
    assert told["statistics"][1] == [7, 7, 7]
    assert sum(map(sum, told["multiplicities"].values())) == told["n_train"]
    told = described(task, source, replace(DIGITS, of_class=3))
    assert list(told["multiplicities"]) == ["3"]
    assert task.inspect(jet_source, JETS)["units"] == "jets"


def loss_at(task: NndVaeTask, parts: Parts, settings: NndVaeSettings, epoch: int = 1) -> float:
    descent = Descent(task, settings, built(task, settings).train(), OneWorker())
    batch = parts.train.rows(torch.arange(10))
    torch.manual_seed(3)
    descent.take(batch, Place(epoch, 1, 1, n_rows=10, n_mine=10))
    return descent.losses()["loss"]


def test_the_kl_divergence_warms_up_with_the_epochs(task: NndVaeTask, parts: Parts) -> None:
    held = replace(DIGITS, kl_share=0.9)
    warming = replace(held, kl_warmup_epochs=4)
    first, third, fifth, ninth = (loss_at(task, parts, warming, epoch) for epoch in (1, 3, 5, 9))
    assert first < third < fifth == ninth == loss_at(task, parts, held)
    assert third == pytest.approx((first + fifth) / 2)
    assert first == pytest.approx(0.1 * loss_at(task, parts, replace(held, kl_share=0.0)))
    model = built(task, warming)
    torch.manual_seed(3)
    # What evolution judges by is the loss after the warm-up.
    assert task.loss(model, parts.train.rows(torch.arange(10))).item() == fifth


def test_every_form_reaches_the_loss(task: NndVaeTask, parts: Parts) -> None:
    forms = ("equation", "oei", "oei_repulsion", "ieo", "sym", "jets")
    settings = [replace(DIGITS, form=form) for form in forms]
    settings += [replace(DIGITS, squared=True, features="matched"), replace(DIGITS, repulsion=2.0)]
    settings += [replace(DIGITS, repulsion=2.0, repulsion_range=3.0)]
    found = [loss_at(task, parts, each) for each in settings]
    assert len(set(found)) == len(found)


def test_every_weight_of_jets_reaches_the_loss(task: NndVaeTask, jet_parts: Parts) -> None:
    changes = (
        {},
        {"alpha": 0.5},
        {"gamma": 2.0},
        {"gamma_pt": 3.0},
        {"gamma_mass": 5.0},
        {"pt_from_epoch": 2},
    )
    settings = [replace(JETS, **change) for change in changes]
    found = [loss_at(task, jet_parts, each) for each in settings]
    assert len(set(found)) == len(found)
    assert loss_at(task, jet_parts, settings[-1], epoch=3) == found[0]
    # By default the mass has the weight <pT> / <m> of the training jets.
    pt, mass, _ = jet_parts.train.column(STATISTICS)[0, MEANS].tolist()
    assert loss_at(task, jet_parts, replace(JETS, gamma_mass=pt / mass)) == pytest.approx(found[0], rel=1e-5)


def test_padding_is_never_a_point(task: NndVaeTask, source: DataSource, jet_parts: Parts) -> None:
    wide = replace(DIGITS, points=64)  # as many as there are pixels, most of which are black
    for data, settings, name in (
        (task.load(source, wide).test, wide, DIGIT_POINTS),
        (jet_parts.test, JETS, PARTICLES),
    ):
        outputs = predicted(task, data.tensors, settings)
        for output, column in ((RECONSTRUCTED, POINTS), (name, POINTS), (RECONSTRUCTED_SEEN, SEEN)):
            there = (data.column(column) != 0).any(2)
            assert not there.all()
            assert torch.equal((outputs[output] != 0).any(2), there), output


def test_real_clouds_would_be_perfect(task: NndVaeTask, parts: Parts, jet_parts: Parts) -> None:
    for data, name in ((parts.validation, DIGIT_POINTS), (jet_parts.validation, PARTICLES)):
        real = data.column(POINTS)
        perfect = {name: real, RECONSTRUCTED: real, RECONSTRUCTED_SEEN: data.column(SEEN)}
        found = task.metrics(perfect, data)
        assert found["reconstruction"] == found["reconstruction_seen"] == 0
        assert found["loss"] == pytest.approx(0, abs=1e-6)
        assert found["floor"] > 0 < found["floor_error"]
        assert 0 < found["samples"] < found["samples_floor"]
        shaken = task.metrics({**perfect, name: 0.5 * real}, data)
        assert shaken["loss"] > 1.5 * found["floor"]
        assert shaken["reconstruction"] == 0
        assert task.metrics({**perfect, name: 3 * real}, data)["samples"] > 1.5 * found["samples_floor"]
        spoilt = task.metrics({**perfect, RECONSTRUCTED_SEEN: real}, data)
        assert spoilt["reconstruction_seen"] > 0 == spoilt["reconstruction"]


def test_a_decoder_that_makes_one_cloud_of_all_is_seen(
    task: NndVaeTask, parts: Parts, jet_parts: Parts
) -> None:
    for data, name in ((parts.validation, DIGIT_POINTS), (jet_parts.validation, PARTICLES)):
        real = data.column(POINTS)
        same = real[:1].expand(len(real), -1, -1)
        outputs = {name: same, RECONSTRUCTED: real, RECONSTRUCTED_SEEN: data.column(SEEN)}
        found = task.metrics(outputs, data)
        assert found["loss"] > 3 * found["floor"]


def test_the_generator_alone_gives_what_predict_gives(
    task: NndVaeTask, parts: Parts, jet_parts: Parts
) -> None:
    for data, settings in ((parts.test, DIGITS), (jet_parts.test, JETS)):
        model, batch = task.model(settings).eval(), data.rows(torch.arange(7))
        with torch.no_grad():
            made = task.predict(model, batch, torch.Generator().manual_seed(1))
            alone, inputs = task.generator_alone(model, batch, torch.Generator().manual_seed(1))
            (written,) = task.written(made, TensorData(batch)).values()
            assert torch.equal(alone(*inputs), torch.from_numpy(written))


def test_what_is_no_number_is_not_judged(task: NndVaeTask, parts: Parts) -> None:
    data = parts.validation
    outputs = predicted(task, data.tensors, DIGITS)
    assert np.isnan(
        task.metrics({**outputs, RECONSTRUCTED: outputs[RECONSTRUCTED] * torch.nan}, data)["loss"]
    )


def test_pictures_show_test_digits_trained_on_ones_and_generated_ones(task: NndVaeTask, parts: Parts) -> None:
    data = parts.test
    shown = task.shown(predicted(task, data.tensors, DIGITS), data)
    pictures = [each for each in shown if isinstance(each, Pictures)]
    assert [each.origins[1] for each in pictures] == ["reconstruction", "reconstruction", "generator"]
    first, second, third = pictures
    assert first.real.shape == (10, 8, 8)
    assert np.array_equal(first.real, third.real)
    assert not np.array_equal(first.real, second.real)
    assert not np.array_equal(first.made, third.made)
    assert first.captions[0] == str(int(data.column(2)[0]))
    assert [type(each) for each in unpack(pack(shown))] == [Pictures] * 3


def test_spectra_show_jets(task: NndVaeTask, jet_parts: Parts) -> None:
    shown = task.shown(predicted(task, jet_parts.test.tensors, JETS), jet_parts.test)
    spectra = [each for each in shown if isinstance(each, Spectra)]
    assert len(spectra) == len(shown)
    assert "relative jet mass" in {each.quantity for each in spectra}


def described(task: NndVaeTask, source: DataSource, settings: NndVaeSettings) -> dict[str, Any]:
    return task.inspect(source, settings) | task.training_facts(source, settings)


def pieces(task: NndVaeTask, source: DataSource, n: int, settings: NndVaeSettings) -> Iterator[Piece]:
    asked = task.to_generate(Conditions(number=n), settings, described(task, source, settings))
    assert asked.n_rows == n
    yield from asked.pieces()


def test_generated_digits_have_as_many_points_as_real_ones(task: NndVaeTask, source: DataSource) -> None:
    wide = replace(DIGITS, points=64)
    found = list(pieces(task, source, 1500, wide))
    assert [len(piece.batch[0]) for piece in found] == [1000, 500]
    made = predicted(task, found[0].batch, wide)
    assert set(made) == {DIGIT_POINTS}
    written = task.written(made, TensorData(found[0].batch))[DIGIT_POINTS]
    there = (written != 0).any(2).sum(1)
    real = (digit_clouds(Path(str(source.path)), 64).points != 0).any(2).sum(1)
    assert there.tolist() == found[0].batch[NUMBER].tolist()
    assert there.mean() == pytest.approx(real.mean(), rel=0.05)
    assert 0 <= written[..., 2].min() < written[..., 2].max() <= 1
    assert 1 < written[..., :2].max() <= 7


def test_positions_alone_give_white_digits(task: NndVaeTask, source: DataSource) -> None:
    white = replace(DIGITS, grey=False, features="positions")
    (piece,) = pieces(task, source, 20, white)
    written = task.written(predicted(task, piece.batch, white), TensorData(piece.batch))[DIGIT_POINTS]
    assert set(np.unique(written[..., 2])) <= {0, 1}
    assert (written[..., 2] == (written != 0).any(2)).all()


def test_generated_jets_can_be_read_as_jetnets_files(
    task: NndVaeTask, jet_source: DataSource, tmp_path: Path
) -> None:
    (piece,) = pieces(task, jet_source, 50, JETS)
    written = task.written(predicted(task, piece.batch, JETS), TensorData(piece.batch))[PARTICLES]
    assert written.shape == (50, 14, 4)
    path = write_jetnet(tmp_path / "g.hdf5", written[..., :3], mask=False)
    read = load_jet_clouds(path, 14)
    assert written[..., 3].sum(1).tolist() == piece.batch[NUMBER].tolist()
    assert (read.particles != 0).any(2).sum(1).tolist() == piece.batch[NUMBER].tolist()
    assert (read.particles[..., 2] >= 0).all()
