"""Figures of the workflows, one module each."""

from ase_voxpot.properties.drawings.diffusion import draw_diffusion
from ase_voxpot.properties.drawings.elastic import draw_elastic
from ase_voxpot.properties.drawings.eos import draw_eos
from ase_voxpot.properties.drawings.melting import draw_melting
from ase_voxpot.properties.drawings.phonons import draw_phonons
from ase_voxpot.properties.drawings.sites import draw_sites

__all__ = ["draw_diffusion", "draw_elastic", "draw_eos", "draw_melting", "draw_phonons", "draw_sites"]
