"""Settings of the NND VAE: which clouds, encoder, decoder and loss, and what to change of the published."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from raysearch.errors import InputError, one_of
from raysearch.models.nnd_goal import VaeGoal
from raysearch.models.nnd_jets import JetTerms
from raysearch.models.nnd_loss import FORMS, NndForm
from raysearch.models.nnd_shape import PUBLISHED, SetShape, VaeShape
from raysearch.tasks.cloud_rows import ALL, DIGITS, JETS, CloudView
from raysearch.tasks.cloud_settings import class_problems
from raysearch.tasks.nnd_vae_rows import VaeView
from raysearch.tasks.optimising import Scheduled

SETS = "sets"
NETWORKS = (*PUBLISHED, SETS)
# By clouds, where nothing is given.
NETWORK_OF = {DIGITS: "sparse_mnist", JETS: "jets"}
FORM_OF = {DIGITS: "equation", JETS: "jets"}
KL_SHARE_OF = {DIGITS: 0.5, JETS: 0.9998}


@dataclass(frozen=True, kw_only=True)
class NndVaeSettings(Scheduled):
    """Settings of the NND VAE; what is None is as published for the clouds, the network or the form.

    Attributes:
        clouds: ``digits`` or ``jets``.
        of_class: a digit, 0 to 9, or a class of jets, g, q, w, z or t; ``all``: whatever the files have.
        points: of a cloud, the brightest pixels or hardest particles.
        grey: of digits, whether pixels have intensities; if not, all points are white.
        jet_pt_gev: of jets, what stands for the pT of all of them: the loss is in GeV.
        network: ``sparse_mnist``, ``superpixels`` or ``jets``: convolutions along the points; ``sets``: no
            point has a place among the others.
        latent: Gaussians.
        filters: of the first convolution; each further one has twice as many.
        hidden: units of the dense layer between convolutions and Gaussians; 0: there is none.
        width, layers: of ``sets``.
        form: of the nearest-neighbour distance, see ``nnd_loss.FORMS``.
        squared, features, repulsion, repulsion_range: in place of the form's.
        kl_share: b, the weight of the KL divergence; 1 - b is that of the reconstruction.
        kl_warmup_epochs: over which it gets that weight.
        alpha, gamma: of jets, weights of the nearest-neighbour distance and of pT and mass.
        gamma_pt, gamma_mass, pt_from_epoch: of these, see ``nnd_jets.JetTerms``.
    """

    clouds: str = DIGITS
    of_class: str = ALL
    points: int | None = None
    grey: bool = True
    jet_pt_gev: float = 1000.0
    network: str | None = None
    latent: int | None = None
    filters: int | None = None
    hidden: int | None = None
    width: int | None = None
    layers: int | None = None
    form: str | None = None
    squared: bool | None = None
    features: str | None = None
    repulsion: float | None = None
    repulsion_range: float | None = None
    kl_share: float | None = None
    kl_warmup_epochs: int = 0
    alpha: float = 1.0
    gamma: float = 1.0
    gamma_pt: float = 1.0
    gamma_mass: float | None = None
    pt_from_epoch: int = 0

    def problems(self) -> Iterator[str]:
        """Tell every fault, as ``name: what``."""
        yield from super().problems()
        chosen = list(self._choice_problems())
        yield from chosen
        yield from self._number_problems()
        if not chosen:
            yield from self._goal_problems()
            try:
                _ = self.shape
            except InputError as error:
                yield from error.problems

    def _choice_problems(self) -> Iterator[str]:
        choices = {"network": (None, *NETWORKS), "form": (None, *FORMS)}
        for name, allowed in choices.items():
            if (value := getattr(self, name)) not in allowed:
                yield f"{name}: needs {one_of([each for each in allowed if each])}, got {value!r}"
        yield from class_problems(self.clouds, self.of_class)
        # Any text that is not empty is true, "false" too.
        if self.squared not in (None, True, False):
            yield f"squared: needs true or false, got {self.squared!r}"

    def _number_problems(self) -> Iterator[str]:
        if self.kl_share is not None and not 0 <= self.kl_share <= 1:
            yield f"kl_share: needs 0 to 1, got {self.kl_share}"
        for name in ("kl_warmup_epochs", "alpha", "gamma"):
            if not (value := getattr(self, name)) >= 0:
                yield f"{name}: needs at least 0, got {value}"
        if not self.jet_pt_gev > 0:
            yield f"jet_pt_gev: needs more than 0, got {self.jet_pt_gev}"

    def _goal_problems(self) -> Iterator[str]:
        form = self.goal.form
        yield from form.problems()
        yield from self.jet_terms.problems()
        unlearnt = self.clouds == JETS or self.grey
        if form.features == "positions" and unlearnt:
            yield (
                "features: positions alone teach no intensities; they are for digits with grey: false, else "
                "take all or matched"
            )

    @property
    def view(self) -> VaeView:
        """What the network sees."""
        cloud = CloudView(self.clouds, self.shape.points, str(self.of_class))
        return VaeView(cloud, self.grey if self.clouds == DIGITS else True, self._pt_gev)

    @property
    def _pt_gev(self) -> float | None:
        return self.jet_pt_gev if self.clouds == JETS else None

    @property
    def shape(self) -> VaeShape:
        """Sizes of encoder and decoder."""
        of_clouds = PUBLISHED[NETWORK_OF[self.clouds]]
        network = self.network or NETWORK_OF[self.clouds]
        if network == SETS:
            points, latent = of_clouds.points, of_clouds.latent
            given = {"points": self.points, "latent": self.latent, "width": self.width, "layers": self.layers}
            return SetShape(**{"points": points, "latent": latent, **_given(given)})
        published = PUBLISHED[network]
        n = len(published.filters)
        filters = None if self.filters is None else tuple(self.filters * 2**k for k in range(n))
        names = ("points", "latent", "hidden")
        changes = {**{name: getattr(self, name) for name in names}, "filters": filters}
        return replace(published, **_given(changes))

    @property
    def goal(self) -> VaeGoal:
        """What training lowers."""
        share = KL_SHARE_OF[self.clouds] if self.kl_share is None else self.kl_share
        of_all = VaeGoal(form=self._form, kl_share=share, warmup_epochs=self.kl_warmup_epochs)
        if self.clouds == DIGITS:
            return of_all
        return replace(of_all, alpha=self.alpha, gamma=self.gamma, jets=self.jet_terms)

    @property
    def jet_terms(self) -> JetTerms:
        """What the loss has of whole jets."""
        return JetTerms(pt=self.gamma_pt, mass=self.gamma_mass, pt_from_epoch=self.pt_from_epoch)

    @property
    def _form(self) -> NndForm:
        names = ("squared", "features", "repulsion", "repulsion_range")
        given = _given({name: getattr(self, name) for name in names})
        return replace(FORMS[self.form or FORM_OF[self.clouds]], **given)


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
