"""What VASP writes, read into arrays: OUTCAR, vasprun.xml and XDATCAR."""
