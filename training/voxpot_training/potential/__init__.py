"""Training of atom-centred potentials."""
