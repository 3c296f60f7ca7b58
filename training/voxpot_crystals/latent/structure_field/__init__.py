"""Crystals as continuous fields: N. Chiba et al., Commun. Mater. 4, 106 (2023), and on the torus.

fields      the fields of a known crystal: vector to the nearest atom, and its element
flow        particles that follow a field to its atoms
published   the networks of the paper
periodic    periodic networks
views       inputs of either network from crystals
queries     points of the fields in training
batches     crystals and queries as tensors
train       from a config to a model file; tasks, config, card beside it
inversion   a latent vector to its crystal: descents with the encoder, from what the fields give
search      several starts of these, exchanges of elements
prototypes  training crystals as further starts
codec       a trained model: crystal to latent vector and back
rescore     the card of a trained model, made again
generation  a trained model: new crystals
"""

from voxpot_crystals.latent.structure_field.codec import load_codec
from voxpot_crystals.latent.structure_field.generation import load_generator

__all__ = ["load_codec", "load_generator"]
