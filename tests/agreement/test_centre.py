"""Whose message a centre takes, whose it refuses, and for whom it waits."""

from __future__ import annotations

import pytest
import torch
from rounds import N, group, start

from raysearch.agreement.make import make_agreement


def made(name, n_workers, **settings):
    agreement = make_agreement(name, settings)
    return [agreement.worker(start()) for _ in range(n_workers)], agreement.centre(start(), n_workers)


def moved(side, by):
    """A message after a step of so much in every weight."""
    return side.outgoing(start() + by)


def test_a_message_that_is_too_old_is_refused_and_counted():
    workers, centre = made("downpour", 3, staleness_limit=1)
    for worker in (0, 1):  # the second is one step behind by then, which is allowed
        (reply,) = centre.take(worker, moved(workers[worker], 1.0))
        assert not reply.refused
    torch.testing.assert_close(centre.weights, start() + 2)
    message = moved(workers[2], 5.0)
    (reply,) = centre.take(2, message)
    assert (reply.worker, reply.refused, centre.refused) == (2, True, 1)
    torch.testing.assert_close(centre.weights, start() + 2)
    weights = workers[2].incoming(start() + 5, reply.content)
    torch.testing.assert_close(weights, start() + 2)
    # From there on it is up to date.
    (reply,) = centre.take(2, workers[2].outgoing(weights + 1))
    assert not reply.refused
    torch.testing.assert_close(centre.weights, start() + 3)


def test_without_a_limit_nothing_is_refused():
    workers, centre = made("downpour", 2)
    for _ in range(20):
        centre.take(0, moved(workers[0], 0.0))
    assert [reply.refused for reply in centre.take(1, moved(workers[1], 1.0))] == [False]


def test_a_synchronous_centre_waits_for_its_share_and_refuses_the_late():
    workers, centre = made("local-sgd", 20)
    for worker in range(18):
        assert centre.take(worker, moved(workers[worker], 1.0)) == []
    assert torch.equal(centre.weights, start())
    replies = centre.take(18, moved(workers[18], 20.0))  # 19 of 20 are 95 %
    assert [reply.worker for reply in replies] == list(range(19))
    torch.testing.assert_close(centre.weights, start() + 2)
    (late,) = centre.take(19, moved(workers[19], 9.0))
    assert (late.worker, late.refused, centre.refused) == (19, True, 1)
    torch.testing.assert_close(centre.weights, start() + 2)
    # In the next round it is one of them.
    for worker, reply in enumerate([*replies, late]):
        workers[worker].incoming(start(), reply.content)
    for worker in range(1, 19):
        centre.take(worker, workers[worker].outgoing(start() + 2))
    centre.take(19, workers[19].outgoing(start() + 21))
    torch.testing.assert_close(centre.weights, start() + 3)


@pytest.mark.parametrize(("n_workers", "threshold", "wanted"), [(10, 0.7, 7), (2, 0.95, 2), (3, 0.01, 1)])
def test_the_share_is_rounded_up(n_workers, threshold, wanted):
    workers, centre = made("local-sgd", n_workers, sync_threshold=threshold)
    told = [len(centre.take(worker, moved(workers[worker], 1.0))) for worker in range(wanted)]
    assert told == [*[0] * (wanted - 1), wanted]


def test_those_that_wait_for_one_that_leaves_go_on():
    workers, centre = made("local-sgd", 3)
    for worker in (0, 2):
        assert centre.take(worker, moved(workers[worker], 3.0)) == []
    assert [reply.worker for reply in centre.leave(1)] == [0, 2]
    torch.testing.assert_close(centre.weights, start() + 3)


def test_nobody_who_left_is_waited_for_again():
    workers, centre = made("local-sgd", 2)
    centre.take(0, moved(workers[0], 1.0))
    assert centre.leave(0) == []  # with its message, which nobody takes
    assert [reply.worker for reply in centre.take(1, moved(workers[1], 4.0))] == [1]
    torch.testing.assert_close(centre.weights, start() + 4)


def test_masters_hand_on_what_their_workers_have_gone_every_so_often():
    """Two masters of two workers each; by Downpour at both levels the centre above gets the sum."""
    workers, centre = made("downpour", 4, masters=2, sync_every=2)
    centre.take(0, moved(workers[0], 1.0))
    centre.take(1, moved(workers[1], 10.0))
    assert torch.equal(centre.weights, start()), "each master has taken one step"
    centre.take(2, moved(workers[2], 2.0))
    torch.testing.assert_close(centre.weights, start() + 3)
    centre.take(3, moved(workers[3], 20.0))
    torch.testing.assert_close(centre.weights, start() + 33)
    # The second master has heard of the first one's workers by then.
    (reply,) = centre.take(1, torch.zeros(1, N, dtype=torch.float64))
    torch.testing.assert_close(reply.content[0], start() + 33)


def test_a_master_waits_for_its_own_workers_only():
    workers, centre = made("local-sgd", 4, masters=2)
    assert centre.take(0, moved(workers[0], 1.0)) == []
    assert [reply.worker for reply in centre.take(2, moved(workers[2], 3.0))] == [0, 2]
    # Half of the mean over two masters; the other half is the other one's.
    torch.testing.assert_close(centre.weights, start() + 1)


def test_more_masters_than_workers_are_one_each():
    assert torch.isfinite(group("easgd", 2, masters=5).train(4).centre.weights).all()
