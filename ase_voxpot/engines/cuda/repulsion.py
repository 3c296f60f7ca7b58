"""``baseline.repulsion`` in torch, for all places of a table at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from ase_voxpot.baseline.repulsion import COEFFICIENTS, COULOMB, EXPONENTS, SCREENING

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

    from ase_voxpot.baseline.energies import Baseline

__all__ = ["Repulsion"]


class Repulsion:
    """The repulsion of a potential, tabulated by pairs of species."""

    def __init__(self, baseline: Baseline, device: torch.device) -> None:
        """Copy the tables to ``device``."""
        charge, power = baseline.charge, baseline.charge**0.23
        self._strength = torch.from_numpy(COULOMB * np.outer(charge, charge)).to(device)  # eV Å
        self._inverse = torch.from_numpy((power[:, None] + power) / SCREENING).to(device)  # 1/Å
        self._inner, self._outer = baseline.inner, baseline.outer

    def __call__(
        self, offset: Float[Tensor, "row place 3"], kind: Int[Tensor, " row"], channel: Int[Tensor, "row place"]
    ) -> tuple[Float[Tensor, "row place"], Float[Tensor, "row place 3"]]:
        """Half of V(r) in eV, and its derivative with respect to the offset in eV/Å; 0 in empty places (channel -1)."""
        r = offset.square().sum(2).sqrt()
        pair = kind[:, None].long(), channel.clamp(min=0).long()
        strength, inverse = self._strength[pair], self._inverse[pair]
        screened, falling = torch.zeros_like(r), torch.zeros_like(r)
        for coefficient, exponent in zip(COEFFICIENTS.tolist(), EXPONENTS.tolist(), strict=True):
            term = coefficient * torch.exp(-exponent * inverse * r)
            screened += term
            falling += exponent * term
        value = strength / r * screened
        slope = -value / r - strength / r * falling * inverse
        width = self._outer - self._inner
        t = ((r - self._inner) / width).clamp(0, 1)
        switch = 1 - t**3 * (10 - 15 * t + 6 * t**2)
        fading = -30 / width * t**2 * (1 - t) ** 2
        there = (channel >= 0) & (r < self._outer)
        value, slope = (torch.where(there, 0.5 * x, 0.0) for x in (switch * value, fading * value + switch * slope))
        return value, (slope / r)[..., None] * offset
