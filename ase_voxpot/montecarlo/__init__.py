"""Monte Carlo sampling of alloys on a lattice: ensembles, walkers, order parameters.

ensembles    canonical swaps, semi-grand canonical, VCSGC: weights of configurations
walkers      Metropolis algorithm; ``full`` for any ASE calculator, ``local`` for our potentials, ``kernels`` compiled
plan         parameters of a run: temperatures, sweeps, annealing, dynamics between the swaps
replicas     configurations at temperatures, and their exchange
run          samples, ``md.records`` on disk, restarts
order        Warren–Cowley parameters, long-range order, structure factors
statistics   block averages, heat capacities and their peaks
meters       observables of every sample, and their averages
pictures     of a run and of a scan over temperatures
"""

from __future__ import annotations

from ase_voxpot.montecarlo.ensembles import VCSGC, Canonical, SemiGrand
from ase_voxpot.montecarlo.plan import Burst, Plan
from ase_voxpot.montecarlo.records import Records
from ase_voxpot.montecarlo.run import Outcome, run

__all__ = ["VCSGC", "Burst", "Canonical", "Outcome", "Plan", "Records", "SemiGrand", "run"]
