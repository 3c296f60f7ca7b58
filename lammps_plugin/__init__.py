"""The potential inside LAMMPS: a pair style, a fix and a runner on top of ``ase_voxpot``."""
