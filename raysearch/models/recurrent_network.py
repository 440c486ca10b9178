"""The GRU of arXiv:1908.05318 on a jet's constituents by falling pT, and dense layers on its last state.

The paper's has 50 units, three dense layers of 40 and 15,575 parameters, that is one bias for each unit and
gate, as in Keras up to 2.2. Torch's has two, and is not quite the same function:

- candidate: Keras tanh(W x + U (r * h) + b); torch tanh(W x + b + r * (U h + c)), here with c = 0;
- gates: Keras' ``hard_sigmoid`` clip(0.2 x + 0.5, 0, 1); torch the sigmoid itself.

Here the one bias is the weight of a feature that is always 1, in a GRU without biases: the paper's number of
parameters, at torch's speed. Padding is read like any constituent, as in the paper.

Shapes in names: B jets, N constituents, P features, U units, C classes.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from raysearch.errors import InputError
from raysearch.models.dense import DenseShape, at_least, dense_layers


class RecurrentNetwork(nn.Module):
    """The GRU.

    Args:
        features: of a constituent.
        units: of the GRU.
        dense: the layers on its last state, before which the same dropout works.

    Raises:
        InputError: for sizes that make no network.
    """

    def __init__(self, features: int, units: int, dense: DenseShape) -> None:
        super().__init__()
        if problems := list(at_least(1, units=units)):
            raise InputError(*problems)
        self.gru = nn.GRU(features + 1, units, bias=False, batch_first=True)
        self._start(features)
        self.dropout = nn.Dropout(dense.dropout)
        self.dense = dense_layers(units, dense)

    def forward(self, x_BNP: Tensor) -> Tensor:
        """Classify jets (B, N, P); returns logits (B, C)."""
        _, last = self.gru(functional.pad(x_BNP, (0, 1), value=1.0))  # a feature of ones
        return self.dense(self.dropout(last[0]))

    def _start(self, features: int) -> None:
        """Draw weights as Keras does: glorot_uniform for inputs, orthogonal for states; all gates as one."""
        weights = dict(self.gru.named_parameters())
        # The last column is that of the constant feature, the biases: 0, as Keras begins.
        nn.init.zeros_(weights["weight_ih_l0"])
        nn.init.xavier_uniform_(weights["weight_ih_l0"][:, :features])
        nn.init.orthogonal_(weights["weight_hh_l0"])
