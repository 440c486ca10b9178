"""GANs of point clouds as a task: jets of a class and digits, steps of both networks, figures, generation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from jet_files import sample_clouds, write_jetnet

from raysearch.data.clouds.jets import load_jet_clouds
from raysearch.data.conditions import Conditions
from raysearch.data.jets.layout import CLASSES
from raysearch.data.source import DataSource
from raysearch.data.tensors import Batch, Parts, TensorData
from raysearch.errors import InputError
from raysearch.metrics.shown import Pictures, Spectra, pack, unpack
from raysearch.models.cloud_gan import CloudGan
from raysearch.tasks.graph_gan import GraphGan, GraphGanSettings
from raysearch.training.counting import count_mflop, count_parameters
from raysearch.training.descent import Descent, Place
from raysearch.training.place import Part
from raysearch.training.workers import OneWorker

JETS = GraphGanSettings(points=8, width=12, hidden=4, batch_size=20)
NETWORKS = {
    "mpgan": JETS,
    "epic": replace(JETS, network="epic", layers=2),
    "fc": replace(JETS, network="fc", hidden=6),
}
DIGITS = replace(JETS, clouds="digits", of_class=3, points=12)
CONDITIONAL = replace(DIGITS, of_class="all", conditional=True)
SOURCE = DataSource(None, (0.5, 0.25, 0.25))
POINTS, NUMBER, LABEL = range(3)


@pytest.fixture(scope="module")
def task() -> GraphGan:
    return GraphGan()


def described(task: GraphGan, settings: GraphGanSettings) -> dict[str, Any]:
    return task.inspect(SOURCE, settings) | task.training_facts(SOURCE, settings)


def some_of(data: TensorData, n: int) -> Batch:
    return data.rows(torch.arange(n))


def descend(task: GraphGan, settings: GraphGanSettings, parts: Parts) -> tuple[CloudGan, dict[str, float]]:
    torch.manual_seed(0)
    model, batch = task.model(settings).train(), some_of(parts.train, 20)
    assert isinstance(model, CloudGan)
    descent = Descent(task, settings, model, OneWorker())
    descent.take(batch, Place(1, 1, 1, 20, 20))
    return model, descent.losses()


def generated(task: GraphGan, settings: GraphGanSettings, data: TensorData) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return generated_by(task, task.model(settings), data)


def generated_by(task: GraphGan, model: torch.nn.Module, data: TensorData) -> dict[str, torch.Tensor]:
    with torch.no_grad():
        batch = some_of(data, len(data))
        return dict(task.predict(model.eval(), batch, torch.Generator().manual_seed(1)))


def test_all_faults_of_settings_are_told() -> None:
    with pytest.raises(InputError) as caught:
        GraphGanSettings(clouds="stars", network="gnn", compute="quick", points=0, width=1, dropout=1.0)
    for name in ("clouds", "network", "compute", "points", "width", "dropout"):
        assert any(problem.startswith(f"{name}: ") for problem in caught.value.problems), name
    for changes, told in (
        ({"of_class": "top"}, "of_class: of jets needs one of g, q, w, z, t, all, got 'top'"),
        ({"clouds": "digits"}, "of_class: of digits needs"),
        ({"conditional": True}, "conditional: needs network: mpgan and of_class: all"),
        ({"network": "fc", "layers": 2}, "layers: the fully connected"),
        ({"network": "epic", "dropout": 0.5}, "dropout: is of network: mpgan alone"),
        ({"generator_learning_rate": 0.0}, "generator_learning_rate: needs more than 0"),
    ):
        with pytest.raises(InputError, match=told):
            GraphGanSettings(**changes)


def test_by_default_all_is_as_published(task: GraphGan) -> None:
    """Networks by their numbers of parameters; learning rates by MPGAN's argument files, not by its text."""
    expected = {
        "mpgan": (361_123, 355_617, torch.optim.RMSprop),
        "epic": (424_850, 313_170, torch.optim.Adam),
        "fc": (28_186, 280_257, torch.optim.Adam),
    }
    for network, (*counts, optimizer) in expected.items():
        settings = GraphGanSettings(network=network)
        model = task.model(settings)
        assert [sum(p.numel() for p in part.parameters()) for part in model.children()] == counts
        optimizers = task.optimizers(settings, model)
        assert {type(each) for each in optimizers.values()} == {optimizer}
    rates = {name: GraphGanSettings(of_class=name).rates for name in ("g", "q", "t", "w")}
    assert {name: tuple(each.values()) for name, each in rates.items()} == {
        "g": (1e-5, 3e-5),
        "q": (0.5e-5, 1.5e-5),
        "t": (2e-5, 6e-5),
        "w": (1e-5, 3e-5),
    }
    model = task.model(JETS)
    given = replace(JETS, generator_learning_rate=1e-3)
    found = {name: each.param_groups[0]["lr"] for name, each in task.optimizers(given, model).items()}
    assert found == {"generator": 1e-3, "discriminator": 3e-5}


def test_both_rates_fall_to_0_and_by_default_stay(task: GraphGan) -> None:
    settings = replace(JETS, decay_epochs=2)
    optimizers = task.optimizers(settings, task.model(settings))
    assert task.schedulers(JETS, optimizers) == []
    schedules = task.schedulers(settings, optimizers)
    assert [each.every for each in schedules] == ["epoch", "epoch"]
    falling = []
    for _ in range(2):
        for each in (*optimizers.values(), *(each.scheduler for each in schedules)):
            each.step()
        falling.append([each.param_groups[0]["lr"] for each in optimizers.values()])
    assert falling == [pytest.approx([each / 2 for each in settings.rates.values()][::-1]), [0, 0]]


@pytest.mark.parametrize("name", ["q", "t"])
def test_jets_of_the_class_are_taken_and_described(task: GraphGan, name: str) -> None:
    settings = replace(JETS, of_class=name)
    parts, told = task.load(SOURCE, settings), described(task, settings)
    n = {part: told[f"n_{part}"] for part in ("train", "validation", "test")}
    assert n == {part: len(getattr(parts, part)) for part in n}
    assert sum(n.values()) == told["n_jets_of_class"] == 2000
    assert told["of_class"] == name
    for data in (parts.train, parts.validation, parts.test):
        assert set(data.column(LABEL).tolist()) == {CLASSES.index(name)}
    points, number = parts.train.column(POINTS), parts.train.column(NUMBER)
    assert torch.equal(number, (points != 0).any(2).sum(1))
    counts = told["multiplicities"][str(CLASSES.index(name))]
    assert counts == torch.bincount(number, minlength=9).tolist()
    greatest = torch.tensor(told["statistics"][1])
    torch.testing.assert_close(greatest, points.abs().amax((0, 1)))


def test_a_limit_is_of_jets_of_the_class(task: GraphGan) -> None:
    limited = replace(SOURCE, limit=30)
    assert len(task.load(limited, JETS).train) == 30 == task.inspect(limited, JETS)["n_train"]
    assert len(task.load(replace(SOURCE, limit=900), JETS).train) == 900
    with pytest.raises(InputError, match=r"data\.limit"):
        task.load(replace(SOURCE, limit=3000), JETS)


@pytest.mark.parametrize("network", NETWORKS)
def test_a_step_moves_both_networks_and_is_repeated_by_its_seed(task: GraphGan, network: str) -> None:
    settings = NETWORKS[network]
    parts = task.load(SOURCE, settings)
    torch.manual_seed(0)
    before = task.model(settings).state_dict()
    model, losses = descend(task, settings, parts)
    again, losses_again = descend(task, settings, parts)
    assert losses == losses_again
    assert set(losses) == {"discriminator", "generator"}
    changed = {name.partition(".")[0] for name, w in model.named_parameters() if not w.equal(before[name])}
    assert changed == {"generator", "discriminator"}
    assert all(torch.equal(w, again.state_dict()[name]) for name, w in model.named_parameters())


def test_losses_are_least_squares_of_what_the_discriminator_says(task: GraphGan) -> None:
    """One that says 1/2 to everything: (1/2 - 1)^2 + (1/2 - 0)^2, and (1/2 - 1)^2."""
    parts = task.load(SOURCE, JETS)
    torch.manual_seed(0)
    model = task.model(replace(JETS, dropout=0.0))
    assert isinstance(model, CloudGan)
    torch.nn.init.zeros_(model.discriminator.fnd_layer.net[0].weight)
    torch.nn.init.zeros_(model.discriminator.fnd_layer.net[0].bias)
    descent = Descent(task, JETS, model.train(), OneWorker())
    descent.take(some_of(parts.train, 20), Place(1, 1, 1, 20, 20))
    losses = descent.losses()
    assert losses["discriminator"] == pytest.approx(0.5)
    assert losses["generator"] == pytest.approx(0.25, abs=0.01)  # after one step


@pytest.mark.parametrize("network", NETWORKS)
def test_the_discriminator_sees_real_jets_then_fake_ones_in_one_scale(task: GraphGan, network: str) -> None:
    settings = NETWORKS[network]
    parts = task.load(SOURCE, settings)
    torch.manual_seed(0)
    model, batch = task.model(settings).train(), some_of(parts.train, 20)
    assert isinstance(model, CloudGan)
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []
    model.discriminator.register_forward_pre_hook(lambda _, given: seen.append(given[:2]))
    Descent(task, settings, model, OneWorker()).take(batch, Place(1, 1, 1, 20, 20))
    (real, there), (fake, fake_there), (again, _) = seen
    assert torch.equal(there.sum(1), batch[NUMBER])
    torch.testing.assert_close(model.frame(batch[3]).outward(real)[there], batch[POINTS][there])
    if network != "fc":  # which knows no padding
        assert torch.equal(fake_there.sum(1), batch[NUMBER])
    assert (real.requires_grad, fake.requires_grad, again.requires_grad) == (False, False, True)
    assert not torch.equal(fake, again)
    limit = real[there].abs().max()
    assert (
        limit <= 1 if network != "epic" else limit > 2
    )  # divided by the greatest, or five times standardised


@pytest.mark.parametrize("network", NETWORKS)
def test_generated_jets_have_the_asked_numbers_of_particles_and_figures(task: GraphGan, network: str) -> None:
    data = task.load(SOURCE, NETWORKS[network]).validation
    made = generated(task, NETWORKS[network], data)["particle_features"]
    number = (made != 0).any(2).sum(1)
    assert (made[..., 2] >= 0).all()
    if network == "epic":  # whose pT are at least the least real one
        assert torch.equal(number, data.column(NUMBER))
    elif network == "mpgan":
        assert (number <= data.column(NUMBER)).all()
    found = task.metrics({"particle_features": made}, data)
    assert found["loss"] > 3 * found["floor"]


def test_real_jets_themselves_would_be_perfect_and_others_are_not(task: GraphGan) -> None:
    data = task.load(SOURCE, JETS).validation
    real = data.column(POINTS)
    found = task.metrics({"particle_features": real}, data)
    assert [found[name] for name in ("loss", "w1m", "w1p", "w1pt")] == [0, 0, 0, 0]
    assert 0 < found["floor_error"] < found["floor"] < 0.01
    tops = task.load(SOURCE, replace(JETS, of_class="t")).validation.column(POINTS)
    assert task.metrics({"particle_features": tops}, data)["loss"] > 5 * found["floor"]
    assert np.isnan(task.metrics({"particle_features": real * np.nan}, data)["loss"])
    nothing = task.metrics({"particle_features": real * 0}, data)
    assert np.isfinite(nothing["loss"])  # a generator may begin without particles, which is worse than any
    assert nothing["loss"] > 0.5


def test_what_is_shown_of_jets_packs(task: GraphGan) -> None:
    data = task.load(SOURCE, JETS).test
    shown = task.shown(generated(task, JETS, data), data)
    assert {type(each) for each in shown} == {Spectra}
    assert next(each.quantity for each in unpack(pack(shown))) == "relative jet mass"


def test_jets_are_generated_as_often_as_training_jets_have_particles_and_can_be_read(
    task: GraphGan, tmp_path: Path
) -> None:
    settings = NETWORKS["epic"]
    told = described(task, settings)
    asked = task.to_generate(Conditions(number=1500), settings, told)
    pieces = list(asked.pieces())
    assert [len(piece.batch[0]) for piece in pieces] == [1000, 500]
    number = torch.cat([piece.batch[NUMBER] for piece in pieces])
    (counts,) = told["multiplicities"].values()
    share = np.bincount(number, minlength=9) / 1500
    assert np.abs(share - np.array(counts) / sum(counts)).max() < 0.05
    with torch.no_grad():
        made = task.predict(task.model(settings), pieces[1].batch, torch.Generator().manual_seed(1))
    written = task.written(made, TensorData(pieces[1].batch))["particle_features"]
    assert np.array_equal(written[..., 3].sum(1), number[1000:])
    path = write_jetnet(tmp_path / "made.h5", written[..., :3], mask=True)
    found = load_jet_clouds(path or tmp_path / "made.h5", 8).particles
    np.testing.assert_array_equal(np.sort(found[..., 2], axis=1), np.sort(written[..., 2], axis=1))


def test_a_network_that_is_not_told_classes_writes_none(task: GraphGan) -> None:
    of_all = replace(NETWORKS["epic"], of_class="all")
    for settings, columns in ((NETWORKS["epic"], {"label"}), (of_all, set())):
        asked = task.to_generate(Conditions(number=5), settings, described(task, settings))
        (piece,) = asked.pieces()
        assert set(piece.columns) == columns


def test_jets_are_generated_like_those_of_files(task: GraphGan, tmp_path: Path) -> None:
    jets = sample_clouds()[:20]
    write_jetnet(tmp_path / "g.h5", jets, mask=True)
    told = described(task, JETS)
    (piece,) = task.to_generate(Conditions(like=[tmp_path / "g.h5"]), JETS, told).pieces()
    assert piece.batch[NUMBER].tolist() == (jets[:, :8] != 0).any(2).sum(1).tolist()
    with pytest.raises(InputError, match="--energies: the generator has no such condition"):
        task.to_generate(Conditions({"energies": (1.0,)}), JETS, told)


def test_a_generator_that_is_told_classes_is_not_asked_like_jets_of_no_class(
    task: GraphGan, tmp_path: Path
) -> None:
    write_jetnet(tmp_path / "jets.h5", sample_clouds()[:20], mask=True)  # a name that tells no class
    settings = replace(JETS, of_class="all", conditional=True)
    with pytest.raises(InputError, match="--like: files do not tell the class of 20 of 20"):
        task.to_generate(Conditions(like=[tmp_path / "jets.h5"]), settings, described(task, settings))


def test_digits_of_one_class(task: GraphGan) -> None:
    parts, told = task.load(SOURCE, DIGITS), described(task, DIGITS)
    assert (told["of_class"], told["n_digits_of_class"]) == ("3", 183)
    assert told["n_train"] == len(parts.train)
    assert set(parts.train.column(LABEL).tolist()) == {3}
    assert told["statistics"][:2] == [[4, 4, 0.5], [8, 8, 1]]  # seen between -1/2 and 1/2, as published
    _, losses = descend(task, DIGITS, parts)
    assert all(np.isfinite(list(losses.values())))
    data = parts.validation
    outputs = generated(task, DIGITS, data)
    assert task.metrics(outputs, data)["loss"] > 3 * task.metrics(outputs, data)["floor"] > 0
    assert task.metrics({**outputs, "points": data.column(POINTS)}, data)["loss"] == pytest.approx(
        0, abs=1e-6
    )
    (pictures,) = task.shown(outputs, data)
    assert isinstance(pictures, Pictures)
    assert pictures.real.shape == (10, 8, 8)
    assert set(task.written(outputs, data)) == {"points"}


def test_conditional_digits_are_those_they_are_told_to_be(task: GraphGan) -> None:
    parts, told = task.load(SOURCE, CONDITIONAL), described(task, CONDITIONAL)
    _, losses = descend(task, CONDITIONAL, parts)
    assert all(np.isfinite(list(losses.values())))
    (piece,) = task.to_generate(Conditions(number=500), CONDITIONAL, told).pieces()
    assert set(piece.columns["label"].tolist()) == set(range(10))
    batch, model = some_of(parts.train, 4), task.model(CONDITIONAL)
    others = (*batch[:LABEL], (batch[LABEL] + 1) % 10, *batch[LABEL + 1 :])
    with torch.no_grad():
        one, other = (task.predict(model, each, torch.Generator().manual_seed(1)) for each in (batch, others))
    assert not torch.equal(one["points"], other["points"])
    assert torch.equal(other["told"], others[LABEL])


def test_digits_that_are_not_what_they_are_called_are_seen(task: GraphGan) -> None:
    """The same digits in another order are the same sample, but for their labels."""
    data = task.load(SOURCE, CONDITIONAL).validation
    real, labels = data.column(POINTS), data.column(LABEL)
    turned = {"points": real.flip(0)}
    of_no_label = torch.full_like(labels, -1)
    assert task.metrics({**turned, "told": of_no_label}, data)["loss"] == pytest.approx(0, abs=1e-6)
    assert task.metrics({**turned, "told": labels}, data)["loss"] > 0.1


def test_jets_of_unknown_class_cannot_be_told_apart(task: GraphGan, tmp_path: Path) -> None:
    write_jetnet(tmp_path / "made.h5", sample_clouds()[:60], mask=True)
    source = replace(SOURCE, path=str(tmp_path / "made.h5"))
    of_all = replace(JETS, of_class="all")
    assert task.inspect(source, of_all)["n_train"] > 0
    with pytest.raises(InputError, match="do not tell the class of 60 of 60 jets"):
        task.inspect(source, replace(of_all, conditional=True))


@pytest.mark.parametrize(("network", "millions"), [("mpgan", 101.6), ("epic", 6.4), ("fc", 0.028)])
def test_operations_are_those_of_a_whole_jet_of_the_published_generator(
    task: GraphGan, network: str, millions: float
) -> None:
    settings = GraphGanSettings(network=network)
    counted = count_mflop(task, task.model(settings), task.load(SOURCE, settings).validation)
    assert counted == pytest.approx(2 * millions, rel=0.01)


@pytest.mark.parametrize("settings", [*NETWORKS.values(), CONDITIONAL], ids=[*NETWORKS, "conditional"])
def test_the_generator_alone_gives_what_predict_gives(task: GraphGan, settings: GraphGanSettings) -> None:
    batch = some_of(task.load(SOURCE, settings).test, 7)
    model = task.model(settings).eval()
    with torch.no_grad():
        made = task.predict(model, batch, torch.Generator().manual_seed(1))
        alone, inputs = task.generator_alone(model, batch, torch.Generator().manual_seed(1))
        (written,) = task.written(made, TensorData(batch)).values()
        torch.testing.assert_close(alone(*inputs), torch.from_numpy(written), rtol=1e-4, atol=1e-6)
    assert not any("discriminator" in name for name, _ in alone.named_parameters())


@pytest.mark.parametrize("network", NETWORKS)
def test_jets_are_made_by_averages_of_the_generators_weights(task: GraphGan, network: str) -> None:
    settings = replace(NETWORKS[network], average_decay=0.9)
    parts = task.load(SOURCE, settings)
    torch.manual_seed(0)
    model, batch = task.model(settings).train(), some_of(parts.train, 20)
    assert isinstance(model, CloudGan)
    descent = Descent(task, settings, model, OneWorker())
    expected = {name: weight.detach().clone() for name, weight in model.generator.named_parameters()}
    for number, decay in enumerate((0.1, 2 / 11, 0.25), start=1):
        descent.take(batch, Place(1, number, 3, 20, 20))
        for name, weight in model.generator.named_parameters():
            expected[name] = decay * expected[name] + (1 - decay) * weight.detach()
    averages = dict(model.judged.named_buffers())
    assert averages.keys() == expected.keys()
    for name, weight in expected.items():
        torch.testing.assert_close(averages[name], weight)
    made, batch = generated_by(task, model, parts.test), some_of(parts.test, len(parts.test))
    (written,) = task.written(made, TensorData(batch)).values()
    with torch.no_grad():
        alone, inputs = task.generator_alone(model, batch, torch.Generator().manual_seed(1))
        torch.testing.assert_close(alone(*inputs), torch.from_numpy(written), rtol=1e-4, atol=1e-5)
        for name, weight in model.generator.named_parameters():
            weight.copy_(expected[name])
    plain = task.model(NETWORKS[network])
    plain.load_state_dict({name: w for name, w in model.state_dict().items() if "averaged" not in name})
    torch.testing.assert_close(made, generated_by(task, plain, parts.test), rtol=1e-4, atol=1e-5)


def test_averaging_changes_nothing_of_what_is_learnt_and_counted(task: GraphGan) -> None:
    parts = task.load(SOURCE, JETS)
    averaging = replace(JETS, average_decay=0.9)
    (plain, losses), (averaged, same) = descend(task, JETS, parts), descend(task, averaging, parts)
    assert losses == same
    learnt = {name: w for name, w in averaged.state_dict().items() if "averaged" not in name}
    assert learnt.keys() == plain.state_dict().keys()
    assert all(torch.equal(weight, learnt[name]) for name, weight in plain.state_dict().items())
    assert count_parameters(plain) == count_parameters(averaged)
    assert count_mflop(task, plain, parts.test) == count_mflop(task, averaged, parts.test)
    for share in (-0.1, 1.0):
        with pytest.raises(InputError, match="average_decay: needs 0 to less than 1"):
            replace(JETS, average_decay=share)


def test_averages_look_back_over_steps_whatever_parts_batches_are_computed_in(task: GraphGan) -> None:
    settings = replace(JETS, average_decay=0.9)
    parts = task.load(SOURCE, settings)
    model = task.model(settings).train()
    assert isinstance(model, CloudGan)
    assert model.averaged is not None
    descent, batch = Descent(task, settings, model, OneWorker()), some_of(parts.train, 10)
    for number in (1, 2, 3):
        descent.take_parts([Part(lambda: batch, 10)] * 2, Place(1, number, 3, 20, 20))
    assert int(model.averaged.steps) == 3
