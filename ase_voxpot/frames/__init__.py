"""Structures and their labels from files: readers, partial occupancies, energies, forces and stresses."""
