"""What a signal breaks off ends as a stop, whoever heard the signal first."""

from __future__ import annotations

import signal

import pytest

from raysearch.cluster.connect import own_handler_after
from raysearch.errors import StoppedError
from raysearch.launch.stop_flag import StopFlag


def test_a_library_that_leaves_by_sigterms_number_has_heard_the_signal() -> None:
    match = "stopped during the start of Ray"
    with (
        StopFlag() as stop,
        pytest.raises(StoppedError, match=match) as raised,
        stop.breaking_off(match[15:]),
    ):
        raise SystemExit(signal.SIGTERM)  # Ray's handler, before the thread that hears signals came to it
    assert raised.value.exit_code == 128 + signal.SIGTERM
    assert stop.requested


def test_another_exit_is_no_signal() -> None:
    with StopFlag() as stop, pytest.raises(SystemExit), stop.breaking_off("the checks"):
        raise SystemExit(3)
    assert not stop.requested


def test_the_handler_that_a_library_has_set_goes_with_its_start() -> None:
    with StopFlag():
        with own_handler_after():
            ours = signal.getsignal(signal.SIGTERM)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        assert signal.getsignal(signal.SIGTERM) == ours
