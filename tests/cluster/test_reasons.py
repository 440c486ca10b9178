"""What is told of a lost process in one line, from what Ray writes of it in many."""

from __future__ import annotations

from raysearch.cluster.bridge import reason_in

CYAN, PLAIN = "\x1b[36m", "\x1b[39m"


def test_of_what_a_trial_raised_it_is_the_last_line_and_in_no_colour() -> None:
    raised = (
        f"{CYAN}ray::ImplicitFunc.train(){PLAIN} (pid=12, ip=10.0.0.1)\n"
        '  File "worker_group.py", line 7, in _failed_outcome\n'
        "raysearch.cluster.worker_group.WorkerLostError: worker 1 of its group is gone: The actor died\n"
    )
    assert reason_in(raised).endswith("worker 1 of its group is gone: The actor died")
    assert reason_in(f"Traceback (most recent call last):\n{raised}") == reason_in(raised)


def test_of_ray_s_own_messages_it_is_the_first_line() -> None:
    assert reason_in("The actor died unexpectedly.\n\tclass_name: ImplicitFunc\n\tpid: 3\n") == (
        "The actor died unexpectedly."
    )
    assert reason_in(" \n") == "no reason given"
