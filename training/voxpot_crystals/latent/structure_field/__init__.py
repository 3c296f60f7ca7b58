"""Crystals as continuous fields: N. Chiba et al., Commun. Mater. 4, 106 (2023), and on the torus.

fields      the fields of a known crystal: where the nearest atom is, and which
flow        particles that follow a field to its atoms
published   the networks of the paper
periodic    networks that know of periodicity
views       crystals as either of them wants to see them
queries     where the fields are asked in training
batches     crystals and queries as tensors
train       from a config to a model file; tasks, config, card beside it
codec       a trained model: crystal to latent vector and back
generation  a trained model: new crystals
"""

from voxpot_crystals.latent.structure_field.codec import load_codec
from voxpot_crystals.latent.structure_field.generation import load_generator

__all__ = ["load_codec", "load_generator"]
