"""The quick forms of 3DGAN's convolutions are the plain ones but for rounding, gradients included."""

import pytest
import torch
from gan3d_networks import SMALL, inputs, small_pair

from raysearch.models.gan3d import Gan3d
from raysearch.models.gan3d_block import KerasConvolution
from raysearch.models.gan3d_shape import Convolution


def step(filters, kernel, padding=(0, 0, 0), upsampling=(1, 1, 1)):
    return Convolution(filters=filters, kernel=kernel, padding=padding, upsampling=upsampling)


STEPS = {  # channels that come in, step
    "published second": (3, step(2, (6, 5, 8), (2, 2, 0), (2, 2, 2))),
    "published third": (2, step(2, (3, 3, 8), (1, 0, 3), (2, 2, 3))),
    "upsampled by 6": (2, step(3, (6, 6, 8), (0, 0, 0), (6, 6, 6))),
    "upsampled, same": (2, step(2, (4, 1, 2), None, (3, 1, 2))),
    "more zeros than kernel": (2, step(2, (1, 2, 3), (3, 5, 4), (2, 3, 2))),
    "few filters, odd": (2, step(8, (5, 5, 5), (2, 2, 2))),
    "few filters, even": (3, step(2, (4, 3, 6), (2, 1, 1))),
    "few filters, same": (3, step(2, (4, 2, 6), None)),
    "few filters of many channels": (17, step(2, (3, 2, 4), (1, 0, 1))),
    "few filters, one cell": (3, step(2, (5, 5, 6))),
    "one channel": (1, step(3, (5, 4, 3), (1, 2, 0))),
    "one channel, same": (1, step(3, (2, 5, 6), None)),
    "one filter": (3, step(1, (2, 2, 2))),
    "many filters": (3, step(20, (6, 6, 4), None)),
}


@pytest.mark.parametrize("wanted", ["all", "input", "kernel"])
@pytest.mark.parametrize("name", STEPS)
def test_each_convolution_and_its_gradients(name, wanted):
    channels, given_step = STEPS[name]
    torch.manual_seed(0)
    plain = KerasConvolution(channels, given_step, torch.nn.init.normal_, compute="plain").double()
    quick = KerasConvolution(channels, given_step, torch.nn.init.normal_, compute="phases").double()
    torch.nn.init.normal_(plain.bias)
    quick.load_state_dict(plain.state_dict())
    x = torch.randn(2, channels, 5, 5, 6, dtype=torch.float64)
    results = []
    for layer in (plain, quick):
        given = x.clone().requires_grad_(wanted != "kernel")
        layer.requires_grad_(wanted != "input")
        made = layer(given)
        made.backward(torch.linspace(-1, 1, made.numel(), dtype=torch.float64).view(made.shape))
        results.append([made.detach(), given.grad, layer.weight.grad, layer.bias.grad])
    for expected, got in zip(*results, strict=True):
        assert (expected is None) == (got is None)
        if expected is not None:
            torch.testing.assert_close(got, expected, rtol=1e-12, atol=1e-11)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", SMALL)
def test_the_whole_networks_in_double_precision(name, training):
    results = []
    for model in small_pair(name):
        model.train(training)
        showers = model(*inputs(model.shape))
        said = [values for values in model.discriminator(3 * showers) if values is not None]
        ((showers**2).sum() + sum(part.sum() for part in said)).backward()
        results.append([showers, *said, *(weight.grad for weight in model.parameters()), *model.buffers()])
    for expected, got in zip(*results, strict=True):
        scale = max(1.0, float(expected.detach().abs().max()))
        assert (got - expected).abs().max() < 1e-10 * scale


def test_half_precision_comes_by_autocast():
    plain, quick = small_pair("fixed")
    plain, quick = plain.float(), quick.float()
    noise, energy, _ = inputs(plain.shape, showers=4, dtype=torch.float32)
    exact = plain(noise, energy)
    with torch.autocast("cpu", torch.bfloat16):
        showers = quick(noise, energy)
        said = quick.discriminator(showers)
    assert showers.dtype == said.cell_sum.dtype == torch.float32
    assert (showers - exact).abs().max() < 0.05 * exact.abs().max()
    (said.real_logit.float() + said.energy.float() + said.cell_sum).sum().backward()
    assert all(weight.grad.dtype == torch.float32 for weight in quick.parameters())
    assert all(torch.isfinite(weight.grad).all() for weight in quick.parameters())


def test_gradients_of_one_network_leave_the_other_alone():
    model = Gan3d(SMALL["fixed"])
    noise, energy, _ = inputs(model.shape, dtype=torch.float32)
    said = model.discriminator(model(noise, energy))
    said.energy.sum().backward(inputs=list(model.generator.parameters()))
    assert all(weight.grad is not None for weight in model.generator.parameters())
    assert all(weight.grad is None for weight in model.discriminator.parameters())
