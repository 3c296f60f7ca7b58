"""Crystals as continuous fields: N. Chiba et al., Commun. Mater. 4, 106 (2023), and on the torus.

fields      the fields of a known crystal: where the nearest atom is, and which
flow        particles that follow a field to its atoms
published   the networks of the paper
periodic    networks that know of periodicity
batches     crystals and queries for a training
train       from a config to a model file
codec       a trained model: crystal to latent vector and back
scores      how far a reconstruction is from its original
"""
