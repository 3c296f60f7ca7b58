"""Everything of ase-voxpot that learns.  Imports ``ase_voxpot``, never the reverse."""
