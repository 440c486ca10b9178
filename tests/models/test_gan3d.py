"""3DGAN has the published layers, Keras' meaning of them, and tells what is wrong."""

from dataclasses import replace

import pytest
import torch
from gan3d_networks import SMALL, inputs

from raysearch.errors import InputError
from raysearch.models import gan3d_pairs, gan3d_upsampling
from raysearch.models.gan3d import Gan3d
from raysearch.models.gan3d_block import KerasConvolution
from raysearch.models.gan3d_published import FIXED_ANGLE, VARIABLE_ANGLE
from raysearch.models.gan3d_shape import Convolution


def parameters(network):
    """Count as Keras: batch normalisation has four numbers a filter, of which two are not trained."""
    running = [values for name, values in network.named_buffers() if "running" in name]
    return sum(values.numel() for values in (*network.parameters(), *running))


def test_the_fixed_angle_has_the_published_parameters():
    with torch.device("meta"):
        model = Gan3d(FIXED_ANGLE)
    dense = 200 * (7 * 7 * 8 * 8) + 7 * 7 * 8 * 8
    first, second = 8 * (6 * 6 * 8) * 64 + 64, 64 * (6 * 5 * 8) * 6 + 6
    third, last = 6 * (3 * 3 * 8) * 6 + 6, 6 * (2 * 2 * 2)
    norms = 4 * 64 + 4 * 6
    assert parameters(model.generator) == dense + first + second + third + last + norms == 872_948
    convolutions = (1 * 125 * 32 + 32) + (32 * 125 * 8 + 8) + 2 * (8 * 125 * 8 + 8)
    heads = 2 * (11**3 * 8 + 1)
    assert parameters(model.discriminator) == convolutions + 3 * 4 * 8 + heads == 73_450
    assert sum(weight.numel() for weight in model.generator.parameters()) == 872_948 - norms // 2


def test_the_variable_angle_has_the_published_parameters():
    with torch.device("meta"):
        model = Gan3d(VARIABLE_ANGLE)
    dense = 256 * (9 * 9 * 8 * 8) + 9 * 9 * 8 * 8
    convolutions = (8 * 288 * 8 + 8) + (8 * 96 * 6 + 6) + 2 * (6 * 96 * 6 + 6)
    convolutions += (6 * 45 * 6 + 6) + (6 * 27 * 6 + 6)
    norms = 4 * 8 + 4 * 4 * 6
    assert parameters(model.generator) == dense + convolutions + (6 * 8 + 1) + norms == 1_365_047
    judging = (180 * 16 + 16) + (16 * 180 * 8 + 8) + 2 * (8 * 180 * 8 + 8)
    assert parameters(model.discriminator) == judging + 3 * 4 * 8 + 2 * (19 * 18 * 7 * 8 + 1) == 87_402


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("compute", ["plain", "phases"])
def test_showers_and_judgements_have_their_shapes(name, compute):
    shape = SMALL[name]
    torch.manual_seed(0)
    model = Gan3d(shape, compute=compute)
    showers = model(*inputs(shape, showers=3, dtype=torch.float32))
    assert showers.shape == (3, *shape.cells)
    assert showers.min() >= 0
    said = model.discriminator(showers)
    assert all(values.shape == (3,) for values in said if values is not None)
    assert (said.angle is None) == (name == "fixed")
    torch.testing.assert_close(said.cell_sum, (showers ** (1 / shape.power)).sum((1, 2, 3)))


@pytest.mark.parametrize("shape", [FIXED_ANGLE, VARIABLE_ANGLE], ids=["fixed", "variable"])
def test_the_published_networks_make_and_judge_a_shower(shape):
    torch.manual_seed(0)
    model = Gan3d(shape).eval()
    with torch.inference_mode():
        showers = model(*inputs(shape, showers=1, dtype=torch.float32))
        said = model.discriminator(showers)
    assert showers.shape == (1, *shape.cells)
    assert all(torch.isfinite(values).all() for values in said if values is not None)


def test_parameters_are_named_in_the_order_of_the_layers():
    with torch.device("meta"):
        names = [name for name, _ in Gan3d(FIXED_ANGLE).named_parameters()]
    assert names[:6] == [
        "generator.dense.weight", "generator.dense.bias",
        "generator.blocks.0.convolution.weight", "generator.blocks.0.convolution.bias",
        "generator.blocks.0.norm.weight", "generator.blocks.0.norm.bias",
    ]  # fmt: skip
    assert [name for name in names if "last" in name] == ["generator.last.weight"]  # without bias
    assert names[-4:] == [
        "discriminator.real.weight", "discriminator.real.bias",
        "discriminator.energy.weight", "discriminator.energy.bias",
    ]  # fmt: skip


@pytest.mark.parametrize("compute", ["plain", "phases"])
def test_same_padding_has_its_odd_zero_on_the_far_side(compute):
    step = Convolution(filters=1, kernel=(1, 2, 4), padding=None, batch_norm=False)
    assert step.pads == ((0, 0), (0, 1), (1, 2))
    layer = KerasConvolution(1, step, torch.nn.init.ones_, compute=compute)
    x = torch.zeros(1, 1, 1, 3, 4)
    x[0, 0, 0] = torch.tensor([[1.0, 2, 3, 4], [10, 20, 30, 40], [100, 200, 300, 400]])
    # each row and the next
    along_y = torch.tensor([[11.0, 22, 33, 44], [110, 220, 330, 440], [100, 200, 300, 400]])
    expected = torch.stack(
        [along_y[:, :3].sum(1), along_y.sum(1), along_y[:, 1:].sum(1), along_y[:, 2:].sum(1)], dim=1
    )  # z - 1 to z + 2
    assert layer(x)[0, 0, 0].tolist() == expected.tolist()


def test_normalisation_and_activations_have_keras_constants():
    with torch.device("meta"):
        fixed, variable = Gan3d(FIXED_ANGLE), Gan3d(VARIABLE_ANGLE)
    norms = [part for part in fixed.modules() if isinstance(part, torch.nn.BatchNorm3d)]
    assert len(norms) == 2 + 3
    assert {(norm.momentum, norm.eps) for norm in norms} == {(0.01, 1e-3)}
    assert {n.eps for n in variable.modules() if isinstance(n, torch.nn.BatchNorm3d)} == {1e-6}
    slopes = [part.negative_slope for part in fixed.modules() if isinstance(part, torch.nn.LeakyReLU)]
    assert slopes == [0.3] * 7
    assert fixed.discriminator.dropout.p == 0.2


def test_weights_start_as_the_published_code_says():
    torch.manual_seed(0)
    model = Gan3d(FIXED_ANGLE)
    block = model.generator.blocks[1].convolution  # He uniform
    assert 0.99 < block.weight.abs().max() / (6 / (64 * 240)) ** 0.5 <= 1
    first = model.discriminator.blocks[1].convolution  # Glorot uniform
    assert 0.99 < first.weight.abs().max() / (6 / (125 * (32 + 8))) ** 0.5 <= 1
    last = model.generator.last.weight  # Glorot normal, cut off at two standard deviations
    assert last.abs().max() < 2 * (2 / (8 * (6 + 1))) ** 0.5 / 0.879
    assert all((values == 0).all() for name, values in model.named_parameters() if name.endswith("bias"))


def test_the_latent_vector_is_noise_times_energy_or_energy_angle_noise():
    for name, shape in SMALL.items():
        model = Gan3d(shape)
        taken = []
        model.generator.dense.register_forward_pre_hook(lambda _, given, taken=taken: taken.append(given[0]))
        noise, energy, angle = inputs(shape, dtype=torch.float32)
        model(noise, energy, angle)
        if name == "fixed":
            assert torch.equal(taken[0], noise * energy[:, None])
        else:
            assert torch.equal(taken[0], torch.cat([energy[:, None], angle[:, None], noise], dim=1))


@pytest.mark.parametrize("compute", ["plain", "phases"])
def test_one_seed_gives_the_same_bits(compute):
    made = []
    for _ in range(2):
        torch.manual_seed(7)
        model = Gan3d(SMALL["fixed"], compute=compute)
        showers = model(torch.randn(2, 8), torch.rand(2))
        said = model.discriminator(showers)
        (said.real_logit + said.energy).sum().backward()
        made.append([showers.detach(), *(weight.grad for weight in model.parameters())])
    assert all(torch.equal(a, b) for a, b in zip(*made, strict=True))


def test_sizes_that_make_no_network_are_told_together():
    with pytest.raises(InputError) as caught:
        replace(FIXED_ANGLE, latent=0, dropout=1.0, generator_activation="selu", epsilon=0.0)
    named = [problem.split(":")[0] for problem in caught.value.problems]
    assert named == ["latent", "generator_activation", "dropout", "epsilon"]
    with pytest.raises(InputError, match="makes 24 x 25 x 25 cells, needs 25 x 25 x 25"):
        FIXED_ANGLE.resized(generator_kernels=[(6, 6, 8), (6, 5, 8), (2, 3, 8)])
    with pytest.raises(InputError, match="leaves 1 x 1 x 1 cells"):
        replace(FIXED_ANGLE, discriminator=(Convolution(filters=2, kernel=(25, 25, 25)),))
    with pytest.raises(InputError, match=r"generator\[1\]: filters"):
        FIXED_ANGLE.resized(generator_filters=[64, 0, 6])
    with pytest.raises(InputError, match="discriminator_filters: needs 4 values, got 2"):
        FIXED_ANGLE.resized(discriminator_filters=[32, 8])


def test_longer_kernels_keep_the_size():
    longer = FIXED_ANGLE.resized(
        generator_kernels=[(6, 6, 8), (8, 5, 8), (3, 5, 8)],
        discriminator_kernels=[(3, 3, 3), *[(7, 7, 7)] * 3],
    )
    assert longer.judged == FIXED_ANGLE.judged
    assert longer.generator[1].padding == (3, 2, 0)


def test_wrong_inputs_are_told():
    model = Gan3d(SMALL["fixed"])
    with pytest.raises(InputError, match=r"cells: needs shape \(showers, 5, 5, 7\), got \(2, 4"):
        model.discriminator(torch.zeros(2, 4, 5, 7))
    with pytest.raises(InputError, match=r"noise: needs shape \(showers, 8\)"):
        model(torch.zeros(2, 9), torch.zeros(2))
    with pytest.raises(InputError, match="angle: not known") as caught:
        model(torch.zeros(2, 8), torch.zeros(3), torch.zeros(2))
    assert [problem.split(":")[0] for problem in caught.value.problems] == ["energy", "angle"]
    with pytest.raises(InputError, match="angle: missing"):
        Gan3d(SMALL["variable"])(torch.zeros(2, 7), torch.zeros(2))
    with pytest.raises(InputError, match="compute: needs one of phases, plain, got 'fast'"):
        Gan3d(SMALL["fixed"], compute="fast")


def test_what_was_generated_in_inference_mode_can_still_be_trained():
    for kept in (gan3d_upsampling._axis, gan3d_pairs._places):
        kept.cache_clear()
    network = Gan3d(SMALL["fixed"])
    with torch.inference_mode():
        network.discriminator(network(*inputs(SMALL["fixed"], dtype=torch.float32)))
    judged = network.discriminator(network(*inputs(SMALL["fixed"], dtype=torch.float32)))
    judged.real_logit.sum().backward()
    assert all(weight.grad is not None for weight in network.generator.parameters())
