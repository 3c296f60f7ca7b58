"""Hirshfeld surfaces of atoms in crystals, their fingerprints, and lattice parameters from these.

configurations  electrons of the free atoms
hartree_fock    densities of the free atoms
atoms           the table made of them
sites           which sites, and which directions from them, are alike
rays            where a ray leaves an atom
surface         all surfaces of a crystal
fingerprint     histograms of (d_i, d_e)
views           what a network is shown of a crystal
kernel, network a Gaussian process and a CNN that read it
method, train   for the shared regression
pictures, bench what they look like, and what they cost
"""
