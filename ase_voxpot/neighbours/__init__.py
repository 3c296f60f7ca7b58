"""Pairs of atoms within the cutoff: the cell list that finds them, the Verlet list that keeps them, loops over them."""
