"""What labels frames.

outcome      a label, or why there is none
ase          an ASE calculator, in a process of its own, which ``served`` is
command      a program that reads frames and writes labelled frames
gpaw         the program for GPAW that comes with this project
vasp         folders for VASP, and its results
opening      the labeller of a configuration
"""
