"""Steerable networks on a GPU, from positions to forces, in torch and Triton.

    search       which atoms see each other: a cell list, found on the device
    tables       the neighbours of every atom as one row of a table, kept while they hold (skin)
    resident     energies, forces and virial from a table, in one pass without the host
    repulsion    close pairs

Rows are sorted by species, so that every dense layer is one product of matrices, and have
one length, so that all shapes stay as they are from step to step.  Everything is written in
torch and runs on any of its devices; where Triton is, ``kernels`` does the work between the
matrix products.
"""
