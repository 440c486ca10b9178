"""What the NND VAE is trained to lower: the nearest-neighbour distance, and the KL divergence as it warms up.

    L = (1 - b) (alpha L_NND + gamma L_extra) + b min(1, t / T) L_KL,                                      (2)
    L_KL = 1/2 sum over Gaussians of (mu^2 + exp(v) - v - 1),                                              (3)

t epochs from the start, T those of the warm-up, mu and v mean and logarithm of the variance. Published are
b = 0.9998 and alpha = gamma = 1 for jets in GeV (borzari/ConVAE_Jet), and the plain sum, b = 1/2, for digits
in pixels, without L_extra (borzari/ria_convae); there is no warm-up.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from raysearch.models.nnd_jets import JetTerms
from raysearch.models.nnd_loss import NndForm


@dataclass(frozen=True, slots=True, kw_only=True)
class VaeGoal:
    """Form and weights of the loss.

    Attributes:
        form: of the nearest-neighbour distance.
        kl_share: b.
        warmup_epochs: T; 0: the KL divergence counts from the start.
        alpha, gamma: of what is reconstructed.
        jets: what else is compared of jets; None for other clouds.
    """

    form: NndForm
    kl_share: float = 0.5
    warmup_epochs: int = 0
    alpha: float = 1.0
    gamma: float = 1.0
    jets: JetTerms | None = None

    def total(self, nnd_B: Tensor, extra_B: Tensor, kl_B: Tensor, progress: float) -> Tensor:
        """Mean loss over a batch, Eq. (2).

        Args:
            nnd_B: nearest-neighbour distance of each cloud.
            extra_B: what else is compared.
            kl_B: KL divergence.
            progress: epochs from the start; infinite after the warm-up.
        """
        warm = min(1.0, progress / self.warmup_epochs) if self.warmup_epochs else 1.0
        reconstruction_B = self.alpha * nnd_B + self.gamma * extra_B
        return ((1 - self.kl_share) * reconstruction_B + self.kl_share * warm * kl_B).mean()  # Eq. (2)


def kl_divergence(mean_BZ: Tensor, log_variance_BZ: Tensor) -> Tensor:
    """From the unit Gaussians, of each cloud (B,)."""
    each = mean_BZ.square() + log_variance_BZ.exp() - log_variance_BZ - 1
    return each.sum(1) / 2  # Eq. (3)
