"""Properties of materials from any ASE calculator, one module per kind of calculation.

    cells          supercells of a least width, relaxed crystals
    formation      formation energies against the elements at rest
    eos            energy against volume, Birch-Murnaghan
    elastic        elastic tensor at equilibrium or over large strains, ensembles of decorations
    moduli         symmetry, Voigt-Reuss-Hill averages, anisotropy
    defects        vacancies, their migration, self-interstitials
    sites          vacancies, swaps and chemical potentials over the sites of an alloy
    samples        all of these of one crystal, pooled over the decorations of an alloy
    phonons        dispersion, density of states, special points (phonopy)
    thermal        thermal expansion in the quasi-harmonic approximation
    quasiharmonic  volume, bulk modulus and heat capacity in it (phonopy)
    diffusion      mean squared displacements, Arrhenius's law
    repeats        averages over runs that differ in their seeds
    viscosity      Green-Kubo viscosity, size correction of diffusion
    melting        melting point by coexistence of crystal and melt
    coexistence    analysis of its frames
    phases         classification of atoms as crystal or melt
    stages         sequences of runs with restarts
    drawings       one figure per workflow

The calculator must give energy, forces and stress.  Structures passed as arguments are not
changed.  Cells are made at least ``cells.WIDTH`` wide, as some calculators include only one
image of every neighbour.
"""
