"""Commands of ``voxpot`` for models of crystals, found as entry points of the group ``voxpot.verbs``."""

from __future__ import annotations

from ase_voxpot.extensions import Verb
from voxpot_crystals.verbs.generate import generate
from voxpot_crystals.verbs.predict import predict
from voxpot_crystals.verbs.reconstruct import reconstruct

__all__ = ["GENERATE", "PREDICT", "RECONSTRUCT"]

PANEL = "Crystals"
GENERATE, PREDICT, RECONSTRUCT = (Verb(function, PANEL) for function in (generate, predict, reconstruct))
