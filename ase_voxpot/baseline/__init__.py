"""The part of the energy that is not learned: energies of free atoms and the ZBL repulsion of nuclei."""
