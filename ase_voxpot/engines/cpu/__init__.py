"""Steerable networks on the CPU, compiled by Numba, a block of atoms at a time.

engine      weights and buffers; one call per structure, blocks spread over threads
packing     weights in the layout of the kernels
step        one block of atoms from positions to energies, forces and virial
passes      one block of atoms from pairs to energies and their derivatives
blocks      invariants and activations of a block
cfunction   the same as one C function, for LAMMPS
"""
