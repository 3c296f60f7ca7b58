"""What is known before anything is learned: energies of free atoms, and the repulsion of nuclei."""
