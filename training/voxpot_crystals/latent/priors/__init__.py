"""Distributions of latent vectors, from which new crystals are drawn.

conditions   names and ranges of conditions, and their columns in a table
gaussian     a joint Gaussian of latent vectors and conditions
flow         conditional flow matching (Y. Lipman et al., ICLR 2023)
fitting      both of them from the latent vectors of a training set
files        both of them to and from tensors
"""

from voxpot_crystals.latent.priors.conditions import Conditions, Quantity
from voxpot_crystals.latent.priors.files import PriorSpec, make_priors, prior_spec, prior_tensors
from voxpot_crystals.latent.priors.fitting import PriorConfig, Priors, fit_priors
from voxpot_crystals.latent.priors.flow import FlowPrior, VelocitySpec
from voxpot_crystals.latent.priors.gaussian import GaussianPrior

__all__ = [
    "Conditions",
    "FlowPrior",
    "GaussianPrior",
    "PriorConfig",
    "PriorSpec",
    "Priors",
    "Quantity",
    "VelocitySpec",
    "fit_priors",
    "make_priors",
    "prior_spec",
    "prior_tensors",
]
