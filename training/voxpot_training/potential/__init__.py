"""Training of the atom-centred voxel potential."""
