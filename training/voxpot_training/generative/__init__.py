"""Crystals in voxels, to and from latent vectors: after C. J. Court et al., J. Chem. Inf. Model. 60, 4518 (2020).

maps     a crystal as densities on the unit torus, elements as codes
peaks    densities back to atoms
"""
