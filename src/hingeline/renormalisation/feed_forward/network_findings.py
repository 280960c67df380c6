"""What the diagnosis of an ordinary network found, with what was not measured and what none of it means."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.figure_data import Figure
from hingeline.numerics.statistics import median
from hingeline.renormalisation.feed_forward.cocycle import EXPONENTS, Cocycle
from hingeline.renormalisation.feed_forward.gains import RANDOM_DIRECTIONS, LayerGains
from hingeline.renormalisation.feed_forward.noisy_twin import NOISE_SHARE
from hingeline.renormalisation.feed_forward.twin_correlations import TwinCorrelations
from hingeline.renormalisation.feed_forward.whitening import RIDGE
from hingeline.sensitivity.fisher.directions import FisherDirections
from hingeline.sensitivity.fisher.universal import UniversalDirections
from hingeline.sensitivity.results import listed, number

NOTES = (
    "first-order local analysis; a network that passes may still fail stronger (multi-step) attacks; not a "
    "certificate",
    "a network without noise has no stability matrix: products of Jacobians are not called one, and no "
    "eigenvalue is called relevant",
    "the Fisher information is tiny where the answer is saturated, though the boundary may be close: read "
    "the linearised distance beside it",
)


@dataclass(frozen=True)
class NetworkSettings:
    """How much is measured.

    Attributes:
        directions: Eigenvectors of the Fisher information kept for each input.
        random_directions: Drawn at each input beside the Fisher direction.
        ridge: Share of the variance added before layers are whitened.
        exponents: Lyapunov exponents kept for each input.
        path_inputs: Most inputs whose products of Jacobians are taken, the first ones.
        noise_share: Noise of the twin, as a share of each layer's root mean square.
        twin_inputs: Most inputs around which a twin is made, the first ones.
        universal_sizes: Steps along the universal direction, as multiples of the median linearised distance.
    """

    directions: int = 3
    random_directions: int = RANDOM_DIRECTIONS
    ridge: float = RIDGE
    exponents: int = EXPONENTS
    path_inputs: int = 64
    noise_share: float = NOISE_SHARE
    twin_inputs: int = 16
    universal_sizes: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0)


@dataclass(frozen=True, eq=False)
class NetworkDiagnosis:
    """What is known of the stability of a network at some inputs.

    Attributes:
        name: Of the network.
        fisher: Fisher information at each input: spectrum, directions, linearised distances, saturation.
        margins: Smallest lead of the decided class, in logits, shape "n".
        universal: One direction for all inputs, and what it flips; None where there is no gradient.
        cocycle: Exponents of the products of Jacobians; None where layers are not seen.
        gains: Growth along the Fisher direction beside random ones, with verdict; None likewise.
        twin: Canonical correlations with noise put in; None where the layers form no chain.
        not_measured: What is missing and why, in sentences.
        settings: How it was measured.
    """

    name: str
    fisher: FisherDirections
    margins: FloatArray
    universal: UniversalDirections | None
    cocycle: Cocycle | None
    gains: LayerGains | None
    twin: TwinCorrelations | None
    not_measured: tuple[str, ...]
    settings: NetworkSettings

    @property
    def top_eigenvalues(self) -> FloatArray:
        """Largest eigenvalue of the Fisher information at each input, per squared input unit, shape "n"."""
        return self.fisher.eigenvalues[:, 0]

    @property
    def eigenvalue_ratios(self) -> FloatArray:
        """The largest over the second, shape "n"; infinite if there is but one, NaN if there is none."""
        logs = self.fisher.log_eigenvalues
        if logs.shape[1] < 2:
            return np.where(np.isfinite(logs[:, 0]), np.inf, np.nan)
        alive = np.isfinite(logs[:, 0])
        gaps = np.where(alive, np.where(alive, logs[:, 0], 0.0) - logs[:, 1], np.nan)
        # beyond the largest number it is infinite as well
        return np.exp(np.minimum(gaps, 709.0)) * np.where(gaps > 709.0, np.inf, 1.0)

    def summary(self) -> dict[str, Any]:
        """The numbers one reads first, what was not measured, and what none of it means, JSON-ready."""
        ratios = self.eigenvalue_ratios
        return {
            "name": self.name,
            "fisher": self.fisher.summary(),
            "median_margin": number(median(self.margins)),
            "median_eigenvalue_ratio": number(median(ratios[~np.isnan(ratios)])),
            "scaling": None if self.gains is None else self.gains.scaling.summary(),
            **{part: _told(getattr(self, part)) for part in ("gains", "cocycle", "twin", "universal")},
            "not_measured": list(self.not_measured),
            "notes": list(NOTES),
            "settings": asdict(self.settings),
        }

    def to_dict(self) -> dict[str, Any]:
        """Summary and all arrays of the parts, JSON-ready."""
        parts = {
            part: None if getattr(self, part) is None else getattr(self, part).to_dict()
            for part in ("fisher", "universal", "cocycle", "gains", "twin")
        }
        own = {"margins": listed(self.margins), "eigenvalue_ratios": listed(self.eigenvalue_ratios)}
        return {"summary": self.summary(), **own, **parts}

    def figures(self, input_shape: tuple[int, int] | None = None) -> tuple[Figure, ...]:
        """Spectrum and directions, exponents, gains, canonical correlations, the universal direction."""
        found: list[Figure] = [*self.fisher.figures(input_shape)]
        if self.gains is not None:
            found += self.gains.figures()
        if self.cocycle is not None:
            found.append(self.cocycle.figure())
        if self.twin is not None:
            found.append(self.twin.figure())
        if self.universal is not None:
            found += self.universal.figures(input_shape)
        return tuple(found)


def _told(part: Any) -> dict[str, Any] | None:
    return None if part is None else part.summary()
