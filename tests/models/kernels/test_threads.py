"""JEDI-net's kernel computes on as many threads as torch has, with the same bits on any number."""

import os
import resource
import shutil
import signal
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from raysearch.models.interaction_fused import fused_relation
from raysearch.models.kernels import build

pytestmark = pytest.mark.skipif(not any(map(shutil.which, build.COMPILERS)), reason="no C++ compiler here")

HIDDEN, SECOND, EFFECT = 17, 9, 5


@pytest.fixture(autouse=True)
def threads_as_before():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def of_jets(activation, *, bf16):
    """One call, forwards and backwards, on jets of many lengths."""
    relation = fused_relation(activation, bf16=bf16)
    chance = torch.Generator().manual_seed(1)
    lengths = np.random.default_rng(1).integers(1, 60, 500)  # a tenth of a second: others have time to come
    jets = np.stack([lengths, np.full_like(lengths, 3)], axis=1).astype(np.int32)
    nodes = int(lengths.sum())
    shapes = [(nodes, HIDDEN), (nodes, HIDDEN), (SECOND, HIDDEN), (SECOND,), (EFFECT, SECOND), (EFFECT,)]
    tensors = [torch.randn(shape, generator=chance) for shape in shapes]
    g_incoming = torch.randn(nodes, EFFECT, generator=chance)

    def call():
        incoming = torch.empty(nodes, EFFECT)
        relation.forward(jets, tensors, incoming)
        weights = sum(each.numel() for each in tensors[2:])
        gradients = [*map(torch.empty_like, tensors[:2]), torch.empty(weights, dtype=torch.float64)]
        relation.backward(jets, tensors, g_incoming, gradients)
        return [incoming, *gradients]

    return call


def has_bf16_products():
    return "avx512_bf16" in Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else False


needs_bf16 = pytest.mark.skipif(not has_bf16_products(), reason="no bfloat16 products on this processor")

CALLS = {
    "selu": lambda: of_jets("selu", bf16=False),
    "relu": lambda: of_jets("relu", bf16=False),
    "bfloat16": lambda: of_jets("selu", bf16=True),
}
EACH = pytest.mark.parametrize(
    "made",
    [pytest.param(call, marks=[needs_bf16] * ("bfloat16" in name), id=name) for name, call in CALLS.items()],
)


def on(threads, call):
    torch.set_num_threads(threads)
    return call()


def same(found, expected):
    """By NumPy: torch compares with threads of its own, which a fork of its process waits for in vain."""
    return all(np.array_equal(one.numpy(), other.numpy()) for one, other in zip(found, expected, strict=True))


def shared(threads, call):
    """Call until other threads than this one were there in time to do a part of the work."""
    torch.set_num_threads(threads)  # which itself may start threads of torch's, that count for nothing
    for _ in range(200):
        before = time.process_time() - time.thread_time()
        found = call()
        if time.process_time() - time.thread_time() - before > 1e-3:  # starting threads takes far less
            return found
    return pytest.fail("all work was done by one thread")


@EACH
def test_any_number_of_threads_shares_the_work_and_gives_the_same_bits(made):
    call = made()
    alone = on(1, call)
    for threads in (2, 3, 4):
        assert all(same(shared(threads, call), alone) for _ in range(2)), threads


def test_a_fork_of_a_process_that_used_threads_can_use_them():
    call = CALLS["selu"]()
    expected = on(4, call)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        child = os.fork()
    if not child:
        signal.alarm(60)
        os._exit(0 if same(call(), expected) else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_where_no_thread_can_be_had_one_does_it_all(no_more_memory):
    call = CALLS["relu"]()
    alone = on(1, call)
    with no_more_memory(16 << 20):  # a thread's stack does not fit; those of earlier ones are used again
        found = on(16, call)
    assert same(found, alone)


def test_memory_that_is_not_there_is_an_error_and_no_end_of_the_process(no_more_memory):
    relation = fused_relation("relu", bf16=False)
    nodes = 4_000_000
    jets = np.array([[nodes, 1]], np.int32)
    tensors = [torch.zeros(shape) for shape in [(nodes, 4), (nodes, 4), (2, 4), (2,), (1, 2), (1,)]]
    incoming = torch.empty(nodes, 1)
    with no_more_memory(16 << 20), pytest.raises(MemoryError, match="compiled kernel"):
        relation.forward(jets, tensors, incoming)


@pytest.fixture
def no_more_memory():
    """Let this process map only so many bytes more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)

    class Limit:
        def __init__(self, more):
            mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            self.most = mapped + more

        def __enter__(self):
            resource.setrlimit(resource.RLIMIT_AS, (self.most, hard))

        def __exit__(self, *_):
            resource.setrlimit(resource.RLIMIT_AS, (soft, hard))

    return Limit
