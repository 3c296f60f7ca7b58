"""Hirshfeld surfaces of atoms in crystals, their fingerprints, and lattice parameters from these.

configurations  electrons of the free atoms
hartree_fock    densities of the free atoms
atoms           the table made of them
sites           equivalent sites and directions
rays            intersections of rays with surfaces
surface         all surfaces of a crystal
fingerprint     histograms of (d_i, d_e)
views           images of a crystal, inputs of the network
kernel, network a Gaussian process and a CNN that read it
element_kernel  a process on elements instead
ion_kernel      one on ions
method, train   for the shared regression
pictures, bench figures and timings
"""
