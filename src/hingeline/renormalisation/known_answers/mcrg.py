"""Exponents of the two-dimensional Ising model, measured by the estimator that serves networks.

Spins at the critical coupling are blocked by majority, level by level, and the stability matrix of each step
gives y_T (even operators) and y_H (odd ones), whose exact values are 1 and 15/8. At the first level the
couplings are still far from the fixed point, so that y_T with one operator must come out near 0.9: an
estimator that says 1 there is wrong.

Source: Swendsen 1979, 1982; sampling and exact energy as told in `ising` and `kaufman`.
Cost: 60,000 configurations of L = 32, five sweeps apart, take about 20 seconds of one core.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.core.figure_data import Axis, Curve, Curves
from hingeline.numerics.autocorrelation import Autocorrelation, integrated_time
from hingeline.renormalisation.flow.moments import BlockMoments
from hingeline.renormalisation.known_answers.chain_moments import ChainMoments, blocked_levels
from hingeline.renormalisation.known_answers.ising import CRITICAL_COUPLING, DISCARDED, ising_batches
from hingeline.renormalisation.known_answers.kaufman import neighbour_correlation
from hingeline.renormalisation.known_answers.majority_rule import EVEN, ODD, even_operators, odd_operators
from hingeline.renormalisation.known_answers.published import (
    MAGNETIC_EXPONENT,
    THERMAL_EXPONENT,
    published_thermal,
    z_between,
)
from hingeline.renormalisation.known_answers.sector_flow import SectorFlow, sector_flow
from hingeline.sensitivity.results import numbers

SMALLEST = 4
"""Side of the last blocked lattice: on 2 x 2 most operators are constants or each other."""


@dataclass(frozen=True, eq=False)
class IsingExponents:
    """What was measured at the critical coupling of an L x L torus."""

    size: int
    """L."""
    chains: int
    """Independent lattices; the jackknife leaves out one at a time."""
    configurations: int
    """Of all chains together."""
    every: int
    """Sweeps from one configuration to the next."""
    discarded: int
    """Sweeps of each chain before the first configuration."""
    thermal: SectorFlow
    """Even operators: y_T."""
    magnetic: SectorFlow
    """Odd operators: y_H."""
    energy: float
    """Mean of s_i s_j over nearest neighbours."""
    energy_error: float
    energy_exact: float
    """Kaufman's, of the same lattice."""
    autocorrelation: Autocorrelation
    """Of the energy; its times count configurations, 1/2 if there is no memory."""
    thermal_moments: tuple[BlockMoments, ...]
    """Of the even operators, one for each step, a block for each chain, for other estimators to try."""
    magnetic_moments: tuple[BlockMoments, ...]
    """Of the odd operators."""

    @property
    def energy_z(self) -> float:
        """Measured minus exact energy, in errors."""
        return (self.energy - self.energy_exact) / self.energy_error

    @property
    def thermalised(self) -> bool:
        """Whether the discarded sweeps are 20 autocorrelation times or more, as far as that is known."""
        return self.autocorrelation.settled and self.discarded >= 20 * self.autocorrelation.tau * self.every

    @property
    def published_z(self) -> dict[tuple[int, int], float]:
        """Ours minus Swendsen's y_T in joint errors, by (level, operators), where he has printed one."""
        found: dict[tuple[int, int], float] = {}
        for level in range(1, self.thermal.levels + 1):
            for count in range(1, len(self.thermal.operators) + 1):
                printed = published_thermal(self.size, level, count)
                if printed is not None:
                    found[level, count] = z_between(*self.thermal.at(level, count), printed)
        return found

    def summary(self) -> dict[str, Any]:
        """What counts, for JSON."""
        level = min(2, self.thermal.levels)
        thermal = self.thermal.at(level, min(2, len(self.thermal.operators)))
        magnetic = self.magnetic.at(level, min(2, len(self.magnetic.operators)))
        return {
            "size": self.size,
            "chains": self.chains,
            "configurations": self.configurations,
            "every": self.every,
            "discarded": self.discarded,
            "level": level,
            "thermal_exponent": thermal[0],
            "thermal_error": thermal[1],
            "magnetic_exponent": magnetic[0],
            "magnetic_error": magnetic[1],
            "energy": self.energy,
            "energy_error": self.energy_error,
            "energy_exact": self.energy_exact,
            "energy_z": self.energy_z,
            "autocorrelation_time": self.autocorrelation.tau,
            "autocorrelation_error": self.autocorrelation.error,
            "thermalised": self.thermalised,
        }

    def to_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        return self.summary() | {
            "thermal": self.thermal.summary(),
            "magnetic": self.magnetic.summary(),
            "published_z": {
                f"level {level}, operators {count}": z for (level, count), z in self.published_z.items()
            },
        }

    def figures(self, name: str = "ising") -> tuple[Curves, Curves]:
        """Exponents against the level, one line for each number of operators."""
        return (
            self._figure(f"{name}-thermal", self.thermal, "y_T", THERMAL_EXPONENT),
            self._figure(f"{name}-magnetic", self.magnetic, "y_H", MAGNETIC_EXPONENT),
        )

    def _figure(self, name: str, flow: SectorFlow, symbol: str, exact: float) -> Curves:
        levels = tuple(float(level) for level in range(1, flow.levels + 1))
        counts = range(1, len(flow.operators) + 1)
        return Curves(
            name,
            f"{symbol} of the Ising model, L = {self.size}, against the level of blocking, with one to "
            f"{len(flow.operators)} operators; errors are at most {flow.exponent_errors.max():.1g}",
            Axis("level of blocking", whole=True),
            Axis(symbol),
            tuple(
                Curve(f"{k} operator{'s' * (k > 1)}", levels, numbers(flow.exponents[:, k - 1]))
                for k in counts
            ),
            levels=((f"exact, {exact:g}", exact),),
        )


def ising_exponents(
    size: int,
    *,
    configurations: int,
    rng: np.random.Generator,
    levels: int | None = None,
    even: int = 4,
    odd: int = 3,
    chains: int = 50,
    every: int = 5,
    discard: int = DISCARDED,
) -> IsingExponents:
    """Measure y_T and y_H at the critical coupling.

    Args:
        size: L, such that `levels` halvings leave at least 4.
        configurations: Of all chains together; rounded up to as many for each chain.
        rng: Draws the lattices and the coins of blocking.
        levels: Steps of blocking; as many as leave a 4 x 4 lattice if not given.
        even: Operators of `EVEN`, from the first.
        odd: Operators of `ODD`, from the first.
        chains: Independent lattices, the blocks of the jackknife; 25 to 50 give errors good to a tenth or so.
        every: Sweeps from one configuration to the next; about the autocorrelation time is well spent.
        discard: Sweeps of each chain before the first configuration.

    Raises:
        InvalidInput: A number out of range, or operators that depend on each other at some level.
    """
    steps = _steps(size, levels)
    if not (1 <= even <= len(EVEN) and 1 <= odd <= len(ODD)):
        raise InvalidInput(
            f"there are 1 to {len(EVEN)} even and 1 to {len(ODD)} odd operators to take; got {even}, {odd}"
        )
    if chains < 2 or configurations < 4 * chains:
        raise InvalidInput(
            f"errors want two chains or more with four configurations or more each; got "
            f"chains={chains}, configurations={configurations}"
        )
    draws, coins = rng.spawn(2)
    thermal = ChainMoments(steps, lambda spins: even_operators(spins, even))
    magnetic = ChainMoments(steps, lambda spins: odd_operators(spins, odd))
    energies: list[FloatArray] = []
    per_chain = math.ceil(configurations / chains)
    for spins in ising_batches(
        size, chains=chains, configurations=per_chain, rng=draws, every=every, discard=discard
    ):
        lattices = blocked_levels(spins, steps, coins)
        energies.append(thermal.add(lattices)[..., 0] / (2 * size**2))
        magnetic.add(lattices)
    energy = np.concatenate(energies)
    means = energy.mean(axis=0)
    even_moments, odd_moments = thermal.moments(), magnetic.moments()
    return IsingExponents(
        size=size,
        chains=chains,
        configurations=per_chain * chains,
        every=every,
        discarded=discard,
        thermal=sector_flow(even_moments, tuple(EVEN)[:even]),
        magnetic=sector_flow(odd_moments, tuple(ODD)[:odd]),
        energy=float(means.mean()),
        energy_error=float(means.std(ddof=1) / math.sqrt(chains)),
        energy_exact=neighbour_correlation(size, CRITICAL_COUPLING),
        autocorrelation=integrated_time(energy.T),
        thermal_moments=even_moments,
        magnetic_moments=odd_moments,
    )


def _steps(size: int, levels: int | None) -> int:
    """Steps of blocking, checked."""
    possible = 0
    while size % 2 ** (possible + 1) == 0 and size // 2 ** (possible + 1) >= SMALLEST:
        possible += 1
    wanted = possible if levels is None else levels
    if not 1 <= wanted <= possible:
        raise InvalidInput(
            f"a lattice of {size} can be halved {possible} times, down to {SMALLEST} or more; "
            f"got levels={levels}"
        )
    return wanted
