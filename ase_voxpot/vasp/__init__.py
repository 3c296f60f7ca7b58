"""Readers of VASP output: OUTCAR, vasprun.xml and XDATCAR."""
