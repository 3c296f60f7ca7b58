"""Neighbours painted on the cube around each atom, and the adjoint way back.

One equation in three spellings, ``reference`` (NumPy), ``cpu`` (Numba) and ``gpu``
(torch, on any device):

    ρ_i[c, v] = Σ_{j: Z_j = c'} f_q(r_ij) exp(-|x_v - d_ij|² / 2σ²),    c = (c', q)

Each has the same three functions.  ``deposit`` paints; ``gather`` is the transpose of
its derivative and turns dE/dρ into dE/dd_ij; ``deposit_tangent`` is the derivative
itself, which training needs to differentiate forces once more.

    ⟨deposit_tangent(t), field⟩ = ⟨t, gather(field)⟩
"""
