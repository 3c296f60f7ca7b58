"""Crystals in voxels, to and from latent vectors: after C. J. Court et al., J. Chem. Inf. Model. 60, 4518 (2020).

maps          a crystal as densities on the unit torus, elements as codes
networks      convolutions around the torus: autoencoder and label network
train         from a config to a model file; tasks, batches, config beside it
codec         a trained model: crystal to latent vector and back
peaks         densities back to atoms
generation    a trained model: new crystals
validity      tests of structures and compositions; oxidation states
screening     removal of invalid, repeated and known crystals; relaxation
coverage      coverage of real crystals by new ones; fingerprints
substitution  the baseline: elements exchanged in known crystals
assess        comparison of priors and baseline
"""

from voxpot_crystals.latent.voxel_vae.codec import load_codec
from voxpot_crystals.latent.voxel_vae.generation import load_generator

__all__ = ["load_codec", "load_generator"]
