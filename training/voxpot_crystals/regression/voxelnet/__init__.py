"""Crystals on voxels of reciprocal space, and networks on these.

reciprocal  the Fourier coefficients of the atoms in closed form, for any cell
kernels     the same, compiled
grids       coefficients -> voxels: a cube or a ball, published and soft binning
shells      coefficients -> powder spectra of pairs of elements, invariant under rotation
network     the published network, one on cross-spectra, one on shells
method      VoxelNet as a ``Method``
"""
