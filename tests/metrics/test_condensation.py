"""Losses of object condensation are their formulas; clusters are found and matched as they are told."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from raysearch.metrics.clustering.clustered_events import clustered
from raysearch.metrics.clustering.clusters import cluster_figures, find_clusters, match
from raysearch.metrics.clustering.condensation import CEILING, Condensed, condensation_losses

Q_MIN = 0.3


def events(n=3, sensors=12, particles=4, seed=1):
    """Random ones, with sensors without energy, and of the last event with a particle that left nothing."""
    chance = torch.Generator().manual_seed(seed)
    energy = torch.rand(n, sensors, generator=chance, dtype=torch.float64) * 5
    energy[torch.rand(n, sensors, generator=chance) < 0.3] = 0
    true = torch.rand(n, sensors, particles, generator=chance, dtype=torch.float64) ** 4
    true[-1, :, -1] = 0
    true = true / true.sum(2, keepdim=True) * (energy > 0)[..., None]
    told = torch.rand(n, sensors, 4, generator=chance, dtype=torch.float64)
    return energy, true, told


def by_loops(energy, true, told):
    """The formulas as they stand in the paper, for one event."""
    hits = [j for j in range(len(energy)) if energy[j] > 0]
    owner = {j: int(true[j].argmax()) for j in hits}
    objects = sorted(set(owner.values()))
    arctanh2 = {j: math.atanh(told[j, 0] / CEILING) ** 2 for j in hits}
    q = {j: arctanh2[j] + Q_MIN for j in hits}
    alpha = {k: max((j for j in hits if owner[j] == k), key=lambda j: q[j]) for k in objects}
    potential = payload = 0.0
    for k in objects:
        for j in hits:
            away = math.dist(told[j, 2:], told[alpha[k], 2:])
            v = away**2 if owner[j] == k else max(0.0, 1 - away)
            potential += q[j] * q[alpha[k]] * v / len(hits)
        gev = float((energy * true[:, k]).sum())
        own = [j for j in hits if owner[j] == k]
        log = {j: abs(math.log(told[j, 1] / gev)) for j in own}
        huber = {j: log[j] ** 2 / 2 if log[j] < 1 else log[j] - 0.5 for j in own}
        payload += sum(arctanh2[j] * huber[j] for j in own) / sum(arctanh2[j] for j in own) / len(objects)
    return potential, np.mean([1 - float(told[alpha[k], 0]) for k in objects]), payload


def test_losses_are_their_formulas():
    energy, true, told = events()
    losses = condensation_losses(energy, true, Condensed.of(told), Q_MIN)
    for event in range(len(energy)):
        expected = by_loops(energy[event], true[event], told[event])
        found = (losses.potential[event], losses.confidence[event], losses.payload[event])
        assert [each.item() for each in found] == pytest.approx(expected)
    total = losses.payload + 2 * (losses.potential + losses.confidence)
    torch.testing.assert_close(losses.total(2.0), total)


def test_gradients_are_those_of_differences():
    energy, true, told = events(n=2, sensors=7, particles=2)

    def loss(of):
        return condensation_losses(energy, true, Condensed.of(of), Q_MIN).total().sum()

    assert torch.autograd.gradcheck(loss, told.requires_grad_())


def test_an_event_without_hits_and_a_certain_network_have_finite_losses_and_gradients():
    energy, true, _ = events(n=2)
    energy[0], true[0] = 0, 0
    told = torch.cat([torch.ones(2, 12, 1), torch.ones(2, 12, 1), torch.zeros(2, 12, 2)], 2).requires_grad_()
    losses = condensation_losses(energy.float(), true.float(), Condensed.of(told), Q_MIN)
    losses.total().sum().backward()
    assert losses.total()[0] == 0
    assert losses.total().isfinite().all()
    assert told.grad.isfinite().all()


def test_energies_count_however_little_confidence_there_is():
    energy, true, told = events()
    told[..., 0] = 0.5
    alike = condensation_losses(energy, true, Condensed.of(told), Q_MIN).payload
    told[..., 0] = 1e-30
    none = condensation_losses(energy, true, Condensed.of(told), Q_MIN).payload
    torch.testing.assert_close(none, alike)


def an_answer(*rows):
    """Of sensors a confidence, an energy and a place on a line."""
    return np.array(rows, np.float32)


def test_the_most_confident_takes_what_is_near_and_free():
    told = an_answer((0.9, 20, 0.0), (0.2, 1, 0.7), (0.5, 30, 1.0), (0.05, 1, 1.5), (0.05, 1, 9.0), (1, 1, 0))
    found = find_clusters(np.array([1, 1, 1, 1, 1, 0.0]), told, confident=0.1, near=0.8)
    assert found.number_N.tolist() == [0, 0, 1, 1, -1, -1]
    assert found.energy_C.tolist() == [20, 30]


def test_a_cluster_and_a_particle_match_where_each_has_most_of_the_other():
    energy = np.array([4.0, 4.0, 3.0, 1.0])
    true = np.array([[1, 0, 0], [0, 1, 0], [1, 0, 0], [0.0, 0, 1]])
    told = an_answer((0.9, 14, 0), (0.8, 2, 5), (0.7, 3, 0), (0.6, 9, 5))
    matched = match(energy, true, find_clusters(energy, told))
    assert matched.cluster_K.tolist() == [0, 1, -1]  # of the second cluster four fifths are the second's
    assert matched.response_K[:2].tolist() == pytest.approx([2, 0.5])
    found = cluster_figures([matched])
    assert found["efficiency"] == pytest.approx(2 / 3)
    assert found["purity"] == 1
    assert found["count_right"] == 0
    assert found["response_mean"] == pytest.approx(1.25)


def test_an_event_without_hits_is_not_counted_right() -> None:
    nothing, told = np.zeros(2), an_answer((0.9, 1, 0), (0.9, 1, 5))
    true = np.zeros((2, 3))
    empty = match(nothing, true, find_clusters(nothing, told))
    energy, true = np.array([4.0, 4.0]), np.array([[1, 0, 0], [1, 0, 0.0]])
    wrong = match(energy, true, find_clusters(energy, told))
    assert cluster_figures([empty, wrong])["count_right"] == 0
    assert math.isnan(cluster_figures([empty])["count_right"])


def test_the_truth_is_found_whole_and_nothing_is_found_of_nothing():
    energy, true, _ = events(n=20, sensors=60)
    true = torch.nn.functional.one_hot(true.argmax(2), 4) * (energy > 0)[..., None]
    own = (energy[..., None] * true).sum(1, keepdim=True)
    gev = (own * true).sum(2)
    told = torch.stack([torch.full_like(energy, 0.9), gev, true.argmax(2) * 2.0], dim=2).numpy()
    sure = [
        match(e, t, find_clusters(e, o)) for e, t, o in zip(energy.numpy(), true.numpy(), told, strict=True)
    ]
    figures = cluster_figures(sure)
    assert [figures[name] for name in ("efficiency", "purity", "count_right")] == [1, 1, 1]
    assert figures["response_mean"] == pytest.approx(1)
    told[..., 0] = 0
    none = [
        match(e, t, find_clusters(e, o)) for e, t, o in zip(energy.numpy(), true.numpy(), told, strict=True)
    ]
    assert cluster_figures(none)["efficiency"] == 0
    assert math.isnan(cluster_figures(none)["purity"])


def test_displays_give_matched_clusters_their_particles_column_and_the_others_none_of_a_particle():
    energy = torch.tensor([[4.0, 4.0, 3.0, 1.0, 2.0]])
    true = torch.tensor([[[0.0, 1], [1, 0], [0, 1], [0, 1], [1, 0]]])
    told = torch.from_numpy(an_answer((0.9, 1, 0), (0.8, 1, 5), (0.7, 1, 0), (0.6, 1, 9), (0, 1, 20)))[None]
    shared = clustered(energy, true, told)
    assert shared.true.shape == shared.found.shape == (1, 5, 3)
    assert shared.found[0].argmax(1)[:4].tolist() == [1, 0, 1, 2]
    assert shared.found[0, 4].sum() == 0
    torch.testing.assert_close(shared.true[..., :2], true)
    energy[0, 4] = 9  # in no cluster: the first particle is not found, and the second cluster matches nothing
    assert clustered(energy, true, told).found[0].argmax(1)[:4].tolist() == [1, 2, 1, 3]
