"""JEDI-net written word for word from its paper, arXiv:1908.05318, section 4: one-hot R_R and R_S.

Slow on purpose: tests hold raysearch's network against it, ``jedinet_step.py`` times the two.
"""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F  # noqa: N812 - the usual name
from torch import Tensor, nn

from raysearch.models.interaction_network import InteractionNetworkShape

ACTIVATIONS = {"relu": F.relu, "elu": F.elu, "selu": F.selu}


class TextbookJediNet(nn.Module):
    """The interaction network as matrix products; parameter names as in the authors' weight files.

    Without a line of raysearch's network: only the description of its shape is shared.
    """

    def __init__(self, shape: InteractionNetworkShape) -> None:
        super().__init__()
        self.shape = shape
        n, p, n1 = shape.constituents, shape.features, shape.hidden
        d_e, d_o = shape.effect_size, shape.output_size
        edges = [(r, s) for r, s in itertools.product(range(n), range(n)) if r != s]
        receivers, senders = torch.tensor(edges).T
        self.register_buffer("R_R", F.one_hot(receivers, n).T.to(torch.get_default_dtype()).contiguous())
        self.register_buffer("R_S", F.one_hot(senders, n).T.to(torch.get_default_dtype()).contiguous())
        self.fr1, self.fr2, self.fr3 = nn.Linear(2 * p, n1), nn.Linear(n1, n1 // 2), nn.Linear(n1 // 2, d_e)
        self.fo1, self.fo2, self.fo3 = nn.Linear(p + d_e, n1), nn.Linear(n1, n1 // 2), nn.Linear(n1 // 2, d_o)
        carried = n * d_o if shape.aggregation == "flatten" else d_o
        self.fc1, self.fc2 = nn.Linear(carried, n1), nn.Linear(n1, n1 // 2)
        self.fc3 = nn.Linear(n1 // 2, shape.classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map constituents (jets, N, P) to logits (jets, classes)."""
        act = ACTIVATIONS[self.shape.activation_relation]
        i = x.transpose(1, 2)  # (jets, P, N)
        b = torch.cat([i @ self.R_R, i @ self.R_S], dim=1)  # (jets, 2P, N_E)
        e = act(self.fr3(act(self.fr2(act(self.fr1(b.transpose(1, 2)))))))  # (jets, N_E, D_E)
        e_bar = e.transpose(1, 2) @ self.R_R.T  # (jets, D_E, N)
        act = ACTIVATIONS[self.shape.activation_object]
        c = torch.cat([i, e_bar], dim=1).transpose(1, 2)  # (jets, N, P + D_E)
        o = act(self.fo3(act(self.fo2(act(self.fo1(c))))))  # (jets, N, D_O)
        o = o.flatten(1) if self.shape.aggregation == "flatten" else o.sum(1)
        act = ACTIVATIONS[self.shape.activation_classifier]
        return self.fc3(act(self.fc2(act(self.fc1(o)))))
