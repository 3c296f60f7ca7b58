"""What a potential says of a material: one small module per kind of calculation.

    cells       crystals at rest, supercells, relaxation        what the others build on
    eos         energy against volume, Birch-Murnaghan
    elastic     elastic tensor at rest or over large strains, ensembles of decorations
    moduli      symmetry, Voigt-Reuss-Hill, anisotropy
    defects     vacancies, their migration, self-interstitials
    sites       vacancies, swaps and chemical potentials over the sites of an alloy
    surfaces    energies of relaxed slabs
    mixing      ordered and random alloys against their elements, and labelled frames
    phonons     dispersion, density of states, special points (phonopy)
    thermal     thermal expansion in the quasi-harmonic approximation
    quasiharmonic  volume, stiffness and heat in it, by phonopy
    diffusion   mean squared displacements, Arrhenius
    melting     crystal and melt side by side
    coexistence what their frames say
    phases      which atom belongs to which of them
    stages      runs that follow each other, stopped and continued
    stability   does hot dynamics hold?
    dimer       two atoms and a whole lattice squeezed: no holes
    references  what first principles or experiment say
    recipes     figures from each of these, by element, pair or alloy
    bench       all of it for several calculators, kept in a file
    report      tables with deviations
    pictures    drawings of the bench
    drawings    one picture for one workflow

Everything takes any ASE calculator that gives energy, forces and stress, never a
potential of this package in particular.  Structures that are handed over are not
changed.  Cells are made at least ``cells.WIDTH`` wide, as some calculators see only one
image of every neighbour.
"""
