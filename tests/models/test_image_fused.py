"""The CNN's first layer by the compiled kernel is the plain one in single precision, wherever it is taken."""

import copy
import logging
import shutil
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from raysearch.errors import InputError
from raysearch.models.dense import DenseShape
from raysearch.models.image_fused import _SparseConvolution
from raysearch.models.image_network import ImageNetwork, ImageNetworkShape, plain_form
from raysearch.models.kernels import build

pytestmark = pytest.mark.skipif(not any(map(shutil.which, build.COMPILERS)), reason="no C++ compiler here")

TOLERANCE = 5e-6  # of the largest number of each output and gradient
Named = dict[str, Tensor]


@pytest.fixture
def kernel_calls(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """One entry for each call of the kernel."""
    calls: list[bool] = []
    plain = _SparseConvolution.apply
    monkeypatch.setattr(_SparseConvolution, "apply", lambda *given: calls.append(True) or plain(*given))
    return calls


def shape(**changed: int | str) -> ImageNetworkShape:
    return ImageNetworkShape(**{"side": 23, "dense": DenseShape(neurons=6, dropout=0.0), **changed})


def images(n: int, side: int, occupied: int) -> Tensor:
    """Images with so many occupied cells, which may well lie at the edge."""
    made = torch.zeros(n, side * side)
    for image in made:
        image[torch.randperm(side * side)[:occupied]] = 100 * torch.rand(occupied) - 20
    return made.view(n, 1, side, side)


def networks(of: ImageNetworkShape) -> tuple[ImageNetwork, ImageNetwork, ImageNetwork]:
    """The fused network, and with its weights (of either sign) the plain one, in single and double."""
    fused = ImageNetwork(of, compute="fused")
    with torch.no_grad():
        for values in (*fused.convolutions[1].parameters(), fused.convolutions[0].bias):
            values.uniform_(-1, 1)
    plain = ImageNetwork(of)
    plain.load_state_dict(fused.state_dict())
    return fused, plain, copy.deepcopy(plain).double()


def trained_on(model: ImageNetwork, x: Tensor) -> Named:
    """Logits of a training step, all gradients, and what normalisations remember."""
    model.train().zero_grad()
    logits = model(x)
    (logits**2).sum().backward()
    gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    return {"logits": logits.detach(), **gradients, **dict(model.named_buffers())}


def different(found: Named, usual: Named, exact: Named) -> Iterator[str]:
    """Names of what is off by more than rounding, ``usual`` being the plain form in single precision."""
    assert found.keys() == exact.keys()
    for name, values in exact.items():
        rounding = 4 * (usual[name] - values).abs().max() + TOLERANCE * values.abs().max()
        if not (found[name] - values).abs().max() <= rounding:
            yield name


SIZES = {
    "published": {"side": 100, "filters": 10, "kernel": 3, "pool": 5},
    "leftover cells": {"filters": 16, "kernel": 3, "pool": 5},
    "no pooling": {"filters": 3, "kernel": 5, "pool": 1},
    "one cell a filter": {"filters": 17, "kernel": 1, "pool": 4},
    "filters wider than the image": {"side": 6, "filters": 2, "kernel": 9, "pool": 2},
    "one square": {"side": 5, "filters": 2, "kernel": 3, "pool": 5},
    "two layers": {"filters": 4, "kernel": 3, "pool": 2, "layers": 2},
}


@pytest.mark.parametrize("occupied", [0, 1, 30, 600])
@pytest.mark.parametrize("sizes", SIZES.values(), ids=list(SIZES))
def test_equals_the_plain_form_with_all_gradients(
    sizes: dict[str, int], occupied: int, kernel_calls: list[bool]
) -> None:
    torch.manual_seed(1)
    fused, plain, exactly = networks(shape(**sizes))
    x = images(5, fused.shape.side, min(occupied, fused.shape.side**2))
    for _ in range(2):  # what is remembered moves twice
        found = trained_on(fused, x)
        assert [*different(found, trained_on(plain, x), trained_on(exactly, x.double()))] == []
    exact = exactly.eval()(x.double())
    assert (fused.eval()(x) - exact).abs().max() <= TOLERANCE * exact.abs().max()
    assert len(kernel_calls) == 3


def test_a_wrong_gradient_would_be_seen() -> None:
    torch.manual_seed(1)
    fused, plain, exactly = networks(shape())
    x = images(5, 23, 30)
    found = trained_on(fused, x)
    found["convolutions.0.weight"] = found["convolutions.0.weight"] * 1.0001
    assert [*different(found, trained_on(plain, x), trained_on(exactly, x.double()))] == [
        "convolutions.0.weight"
    ]


def test_the_same_bits_each_time_and_what_is_no_number_stays() -> None:
    torch.manual_seed(2)
    fused, _, _ = networks(shape(activation="relu"))
    x = images(7, 23, 40)
    first, second = trained_on(copy.deepcopy(fused), x), trained_on(copy.deepcopy(fused), x)
    assert all(torch.equal(first[name], values) for name, values in second.items())
    x[3, 0, 4, 5] = float("nan")
    told = copy.deepcopy(fused).eval()(x).isnan().all(dim=1)
    assert told.tolist() == [number == 3 for number in range(7)]
    assert fused.train()(x).isnan().all()


def test_where_it_cannot_be_it_is_the_plain_form(kernel_calls: list[bool]) -> None:
    torch.manual_seed(3)
    fused, _, exactly = networks(shape())
    x = images(4, 23, 20)
    assert torch.equal(copy.deepcopy(fused).double()(x.double()), exactly(x.double()))
    wanted = x.clone().requires_grad_()
    fused.eval()(wanted).sum().backward()
    assert wanted.grad is not None
    with torch.autocast("cpu", torch.bfloat16):
        fused(x)
    assert kernel_calls == []
    assert torch.equal(plain_form(fused)(x), fused(wanted))
    with pytest.raises(InputError, match="compute: needs one of plain, fused, got 'fast'"):
        ImageNetwork(shape(), compute="fast")


def test_without_a_compiler_it_is_the_plain_form_and_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(build, "COMPILERS", ("no-such-compiler",))
    fused = ImageNetwork(shape(), compute="fused").eval()
    x = images(2, 23, 20)
    with caplog.at_level(logging.WARNING):
        assert torch.equal(fused(x), plain_form(fused)(x))
    assert "no fused kernel" in caplog.text
