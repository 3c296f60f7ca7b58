"""Models of crystals: properties from structures, and structures from latent vectors.  Imports ``voxpot_training``."""
