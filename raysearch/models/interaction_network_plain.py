"""JEDI-net with a fixed graph of plain operations, which others can read: arXiv:1908.05318, section 4.

Same parameters and same function as :class:`raysearch.models.interaction_network.InteractionNetwork`, whose
own gradients and blocks of like jets no exporter can follow; equations (1) to (4) are numbered there. All
pairs of a jet are computed side by side, padding and the (masked) diagonal included, so that memory grows
with B N^2 H.

Shapes in names: B jets, N constituents (receivers R, senders S), P features, H hidden, D effect.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - the usual name
from torch import Tensor, nn

from raysearch.models.interaction_network import ACTIVATIONS, InteractionNetwork


class PlainInteractionNetwork(InteractionNetwork):
    """The network in its plain form; build it from the same shape and load the same ``state_dict``."""

    def forward(self, x_BNP: Tensor) -> Tensor:
        """Classify jets (B, N, P); returns logits (B, classes)."""
        shape = self.shape
        act = ACTIVATIONS[shape.activation_relation]
        receiver_BNH = F.linear(x_BNP, self.fr1.weight[:, : shape.features], self.fr1.bias)
        sender_BNH = F.linear(x_BNP, self.fr1.weight[:, shape.features :])
        h_BRSH = act(receiver_BNH.unsqueeze(2) + sender_BNH.unsqueeze(1))
        effect_BRSD = act(self.fr3(act(self.fr2(h_BRSH))))  # (1)
        others_RS1 = 1 - torch.eye(shape.constituents, dtype=x_BNP.dtype, device=x_BNP.device).unsqueeze(2)
        incoming_BND = (effect_BRSD * others_RS1).sum(2)  # (2)
        act = ACTIVATIONS[shape.activation_object]
        o_BNO = torch.cat([x_BNP, incoming_BND], dim=2)
        o_BNO = act(self.fo3(act(self.fo2(act(self.fo1(o_BNO))))))  # (3)
        o_BC = o_BNO.flatten(1) if shape.aggregation == "flatten" else o_BNO.sum(1)
        act = ACTIVATIONS[shape.activation_classifier]
        return self.fc3(act(self.fc2(act(self.fc1(o_BC)))))  # (4)


def plain_form(model: nn.Module) -> nn.Module:
    """Put a network in its plain form, with the very weights of the model; any other model is its own."""
    if not isinstance(model, InteractionNetwork):
        return model
    with torch.device("meta"):  # no weights are drawn
        plain = PlainInteractionNetwork(model.shape)
    plain.load_state_dict(model.state_dict(), assign=True)
    return plain.train(model.training)
