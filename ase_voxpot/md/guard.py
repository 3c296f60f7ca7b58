"""Check of the extrapolation grade at every step of a molecular dynamics run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from ase_voxpot.errors import ConfigError, ExtrapolationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ase import Atoms

__all__ = ["Guard"]

LIMIT = 2.0
"""Multiple of the largest uncertainty of the validation."""
CALM = 0.8
"""Fraction of the limit below which an episode ends."""


class Guard:
    """Warns once per episode of extrapolation, or ends the run.

    >>> Guard.parse("stop:3.5").limit
    3.5
    """

    def __init__(
        self,
        action: Literal["warn", "stop"],
        limit: float = LIMIT,
        *,
        alert: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        """Check whether ``extrapolation`` (see ``uncertainty.Estimate``) exceeds ``limit``.

        Args:
            action: ``warn`` or ``stop``.
            limit: a multiple of the largest uncertainties in validation.
            alert: called with a sentence when an episode begins, and when it ends.

        Raises:
            ConfigError: another action, or a limit that is not positive.
        """
        if action not in ("warn", "stop"):
            raise ConfigError(f"uncertainty: expected warn or stop, with a limit as in warn:3, got {action!r}")
        if not 0 < limit < float("inf"):
            raise ConfigError(f"uncertainty: expected a limit over 0, got {limit:g}")
        self.action, self.limit, self._alert = action, limit, alert
        self._since: int | None = None
        self._worst = 0.0

    @classmethod
    def parse(cls, text: str, *, alert: Callable[[str], None] = lambda sentence: None) -> Guard:
        """A guard from ``warn``, ``stop``, ``warn:3`` and the like.

        Raises:
            ConfigError: anything else.
        """
        found = re.fullmatch(r"(warn|stop)(?::([0-9.eE+-]+))?", text)
        try:
            limit = float(found[2]) if found and found[2] else LIMIT
        except ValueError:
            found = None
        if found is None:
            raise ConfigError(f"uncertainty: expected warn or stop, with a limit as in warn:3, got {text!r}")
        return cls(found[1], limit, alert=alert)  # type: ignore[arg-type]

    def look(self, atoms: Atoms, step: int) -> None:
        """Check the present positions, whose uncertainty the calculator has or computes.

        Raises:
            ExtrapolationError: over the limit, and the guard is to stop the run.
        """
        level = float(atoms.calc.get_property("extrapolation", atoms))
        if level > self.limit and self.action == "stop":
            atom = int(atoms.calc.get_property("energies_uncertainty", atoms).argmax())
            raise ExtrapolationError(
                f"the run left what the model knows at step {step}: uncertainty {level:.1f} times the largest in "
                f"validation (limit {self.limit:g}), most around atom {atom} ({atoms.symbols[atom]}); its last frame "
                "is at the end of the trajectory: label it (voxpot select), train again, or raise the limit"
            )
        if level > self.limit and self._since is None:
            self._since, self._worst = step, 0.0
            self._alert(
                f"step {step}: uncertainty {level:.1f} times the largest in validation (limit {self.limit:g}); "
                "energies and forces may be wrong from here on"
            )
        self._worst = max(self._worst, level)
        if self._since is not None and level < CALM * self.limit:
            self._alert(
                f"step {step}: uncertainty {level:.1f} again, after {self._worst:.1f} at most since step {self._since}"
            )
            self._since = None
