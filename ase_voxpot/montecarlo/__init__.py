"""Alloys at temperature: Monte Carlo over who sits where, and the order that comes of it.

ensembles    canonical swaps, semi-grand canonical, VCSGC: which configurations count how much
walkers      Metropolis' walk; ``full`` for any ASE calculator, ``local`` for our potentials, ``kernels`` compiled
plan         what is to be run: temperatures, sweeps, annealing, dynamics between the swaps
replicas     configurations at temperatures, and their exchange
run          samples, ``md.records`` on disk, restarts
order        Warren–Cowley parameters, long-range order, structure factors
statistics   block averages, heat capacities and where they peak
meters       what is read off every sample, and averaged
pictures     of a run and of a scan over temperatures
"""

from __future__ import annotations

from ase_voxpot.montecarlo.ensembles import VCSGC, Canonical, SemiGrand
from ase_voxpot.montecarlo.plan import Burst, Plan
from ase_voxpot.montecarlo.records import Records
from ase_voxpot.montecarlo.run import Outcome, run

__all__ = ["VCSGC", "Burst", "Canonical", "Outcome", "Plan", "Records", "SemiGrand", "run"]
