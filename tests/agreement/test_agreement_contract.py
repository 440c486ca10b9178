"""What every way to agree keeps, whatever it is made of."""

from __future__ import annotations

import io

import pytest
import torch
from rounds import BOTTOM, Group, group, start

from raysearch.agreement.make import AGREEMENTS, ALGORITHMS, make_agreement, settings_of
from raysearch.errors import InputError

FREE = ("downpour", "easgd", "gem")  # those whose workers need not wait
# Downpour adds up what each worker has gone, so that four of them would go four times as far.
CALM = {"downpour": {"centre_rate": 0.25}}
WAYS = [
    *[pytest.param(name, CALM.get(name, {}), id=name) for name in ALGORITHMS],
    *[pytest.param(name, {"synchronous": True}, id=f"{name}-synchronous") for name in FREE],
    *[pytest.param(name, {"masters": 2, "sync_every": 2}, id=f"{name}-masters") for name in ALGORITHMS],
]


@pytest.mark.parametrize(("name", "settings"), WAYS)
def test_it_comes_to_the_bottom(name, settings):
    trained = group(name, **settings).train(60)
    before, after = (float((each - BOTTOM).norm()) for each in (start(), trained.centre.weights))
    assert after < 0.2 * before
    # The workers are where the centre is, within what their own noise can move them by.
    assert all(float((each - trained.centre.weights).norm()) < 0.5 for each in trained.weights)


@pytest.mark.parametrize(("name", "settings"), WAYS)
def test_a_state_taken_up_again_goes_on_to_the_same_bits(name, settings):
    straight = group(name, **settings).train(5)
    # As a checkpoint writes and reads it.
    file = io.BytesIO()
    torch.save(straight.state(), file)
    straight.train(4)
    file.seek(0)
    resumed = group(name, **settings).load_state(torch.load(file, weights_only=True)).train(4)
    assert torch.equal(straight.centre.weights, resumed.centre.weights)
    assert all(map(torch.equal, straight.weights, resumed.weights))


@pytest.mark.parametrize(("name", "settings"), WAYS)
def test_a_state_is_not_changed_by_what_comes_after(name, settings):
    trained = group(name, **settings).train(2)
    state = trained.state()
    trained.train(3)
    again = group(name, **settings).load_state(state)
    twice = group(name, **settings).train(2)
    assert torch.equal(again.train(1).centre.weights, twice.train(1).centre.weights)


@pytest.mark.parametrize("name", FREE)
def test_the_order_is_drawn_from_the_seed_and_the_exchange(name):
    def trained(seed):
        made = Group(make_agreement(name, {}), 4, seed)
        return made.train(3).centre.weights

    assert torch.equal(trained(1), trained(1))
    assert not torch.equal(trained(1), trained(2))


@pytest.mark.parametrize("name", ALGORITHMS)
def test_workers_that_wait_come_to_the_same_whoever_is_first(name):
    def trained(seed):
        settings = {"synchronous": True} if name in FREE else {}
        return Group(make_agreement(name, settings | {"sync_threshold": 1.0}), 4, seed).train(3)

    assert torch.equal(trained(1).centre.weights, trained(2).centre.weights)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_refused_worker_goes_on_from_the_centre(name):
    agreement = make_agreement(name, {})
    side, centre = agreement.worker(start()), agreement.centre(start(), 2)
    centre.side.move(start() + 1)
    weights = start() - 0.25
    got = side.incoming(weights, centre.side.restart(side.outgoing(weights)))
    torch.testing.assert_close(got, start() + 1, rtol=0, atol=1e-15)
    # It has taken nothing.
    torch.testing.assert_close(centre.weights, start() + 1, rtol=0, atol=0)


def test_settings_are_named_so_that_a_space_can_be_divided():
    assert settings_of("allreduce") == ()
    assert set(settings_of("easgd")) >= {"exchange_every", "elasticity", "synchronous", "staleness_limit"}
    # Whoever always waits has no such choice.
    assert not {"synchronous", "staleness_limit"} & {*settings_of("diloco"), *settings_of("local-sgd")}


@pytest.mark.parametrize("ask", [settings_of, lambda name: make_agreement(name, {})])
def test_an_unknown_one_is_named_with_the_nearest(ask):
    with pytest.raises(InputError, match=r"agreement: unknown 'easdg'; one of .* Did you mean 'easgd'"):
        ask("easdg")
    assert AGREEMENTS[0] == "allreduce"


@pytest.mark.parametrize(
    ("name", "settings", "problem"),
    [
        ("easgd", {"elasticity": 1.5}, "elasticity: must be above 0 and at most 1, got 1.5"),
        ("easgd", {"elastic": 1}, "elastic: unknown setting of easgd; one of .* Did you mean 'elasticity'"),
        ("gem", {"kappa": 0.0}, "kappa: must be above 0, got 0.0"),
        ("gem", {"gem_momentum": 1.0}, "gem_momentum: must be at least 0 and below 1, got 1.0"),
        ("gem", {"exchange": "async"}, "exchange: needs one of deterministic, asynchronous, got 'async'"),
        ("gem", {"synchronous": 1}, "synchronous: must be true or false, got 1"),
        (
            "gem",
            {"staleness_limit": -1},
            "staleness_limit: must be a whole number from 0 on, or none, got -1",
        ),
        ("downpour", {"staleness_limit": 1.5}, "staleness_limit: must be a whole number from 0 on, or none"),
        ("downpour", {"centre_optimizer": "adm"}, "centre_optimizer: needs .* Did you mean 'adam'"),
        ("downpour", {"centre_optimizer": "nesterov"}, "centre_momentum: must be above 0 and below 1, got 0"),
        (
            "downpour",
            {"centre_optimizer": "adam", "centre_momentum": 0.5},
            "centre_momentum: adam has none; leave it out",
        ),
        ("diloco", {"centre_rate": 0.0}, "centre_rate: must be above 0, got 0.0"),
        ("diloco", {"centre_optimizer": "adam"}, "centre_optimizer: unknown setting of diloco"),
        ("local-sgd", {"exchange_every": 0}, "exchange_every: must be at least 1, got 0"),
        ("local-sgd", {"sync_threshold": 1.1}, "sync_threshold: must be above 0 and at most 1, got 1.1"),
    ],
)
def test_faults_are_told(name, settings, problem):
    with pytest.raises(InputError, match=problem):
        make_agreement(name, settings)
