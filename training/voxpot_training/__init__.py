"""Training of networks.  Imports ``ase_voxpot``, never the reverse."""
