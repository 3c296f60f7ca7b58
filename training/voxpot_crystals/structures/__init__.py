"""Crystals: cells, lattices and symmetry, whether two are the same, graphs of neighbours, pictures."""
