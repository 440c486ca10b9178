import pytest
import torch

from raysearch.data.scaling import Scaling
from raysearch.data.tensors import TensorData


def stored():
    return torch.arange(40.0).view(10, 4), torch.arange(10) * 100


def test_rows_of_a_selection_are_rows_of_what_is_stored():
    x, y = stored()
    data = TensorData((x, y), torch.tensor([7, 2, 5]))
    got_x, got_y = data.rows(torch.tensor([2, 0]))
    assert len(data) == 3
    assert got_y.tolist() == [500, 700]
    assert torch.equal(got_x, x[[5, 7]])
    assert [tensor.tolist() for tensor in data.tensors] == [x[[7, 2, 5]].tolist(), [700, 200, 500]]
    assert data.column(-1).tolist() == [700, 200, 500]
    assert data.every(2).column(-1).tolist() == [700, 500]
    assert data.every(2).rows(torch.tensor([1]))[1].tolist() == [500]


def test_without_a_selection_nothing_is_copied():
    x, y = stored()
    data = TensorData((x, y))
    assert data.tensors[0] is x
    assert data.column(1) is y
    assert data.to(torch.device("cpu")) is data
    assert len(data.every(3)) == 4


def test_scaling_makes_mean_0_and_sd_1_of_the_rows_it_was_measured_on():
    x = torch.randn(5000, 3, generator=torch.Generator().manual_seed(0)) * 7 + torch.tensor([1e4, 0, -3])
    rows = torch.arange(0, 5000, 2)
    data = TensorData((x, torch.zeros(5000)), rows, Scaling.of(x, rows))
    scaled = data.tensors[0].double()
    assert scaled.mean(0).abs().max() < 1e-3  # 1e4 in single precision has no more digits
    assert (scaled.std(0) - 1).abs().max() < 1e-3
    assert torch.equal(data.rows(torch.tensor([4]))[0], data.tensors[0][4:5])
    assert torch.equal(data.column(0), x[rows])


def test_padding_counts_for_nothing_and_stays_zero():
    x = torch.randn(300, 6, 2, generator=torch.Generator().manual_seed(0)) + 5
    x[:, 4:] = 0
    scaling = Scaling.of(x, torch.arange(300))
    real = x[:, :4].reshape(-1, 2).double()
    assert torch.allclose(scaling.mean.double(), real.mean(0))
    assert torch.allclose(scaling.sd.double(), real.std(0))
    scaled = scaling(x)
    assert not scaled[:, 4:].any()
    assert scaled[:, :4].all()


def test_a_feature_that_is_always_the_same_becomes_zero():
    x = torch.ones(10, 2)
    assert not Scaling.of(x, torch.arange(10))(x).any()


@pytest.mark.gpu
def test_on_a_gpu_rows_are_the_same_whether_all_or_a_batch_went_there(monkeypatch):
    x, y = torch.randn(100, 5), torch.arange(100)
    rows = torch.arange(0, 100, 3)
    data = TensorData((x, y), rows, Scaling.of(x, rows))
    some, device = torch.tensor([3, 1, 9]), torch.device("cuda:0")
    whole = data.to(device).rows(some.to(device))
    monkeypatch.setattr("raysearch.data.tensors.DEVICE_SHARE", 0.0)
    batch = data.to(device).rows(some.to(device))
    for one, other, expected in zip(whole, batch, data.rows(some), strict=True):
        assert one.device == other.device == device
        assert torch.equal(one, other)
        torch.testing.assert_close(one.cpu(), expected)
