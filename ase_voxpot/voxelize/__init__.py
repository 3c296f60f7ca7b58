"""Density of neighbours on a cube of voxels around each atom, and its derivatives.

One equation in three implementations, ``reference`` (NumPy), ``cpu`` (Numba) and ``gpu``
(torch, on any device):

    ρ_i[c, v] = Σ_{j: Z_j = c'} f_q(r_ij) exp(-|x_v - d_ij|² / 2σ²),    c = (c', q)

Each has the same three functions.  ``deposit`` computes ρ; ``gather`` is the transpose of
its derivative, from dE/dρ to dE/dd_ij; ``deposit_tangent`` is the derivative
itself, for the derivatives of forces in training.

    ⟨deposit_tangent(t), field⟩ = ⟨t, gather(field)⟩
"""
