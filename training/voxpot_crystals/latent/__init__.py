"""Autoencoders of crystals and what they share: ``structure_field`` and ``voxel_vae``.

decoded      a decoded crystal, or the reason of a failure
scores       errors of reconstructions
tables       tables of these errors
pictures     figures of reconstructions
trust        difference of the latent vector of a decoded crystal from its source
files        networks and priors on disk
training     the end of every training: priors, scores, card
generation   new crystals from a codec and its priors
"""

from voxpot_crystals.latent.pictures import draw_reconstructions
from voxpot_crystals.latent.scores import score_reconstructions
from voxpot_crystals.latent.tables import score_table
from voxpot_crystals.latent.trust import DOUBTFUL, doubts, latent_gaps

__all__ = ["DOUBTFUL", "doubts", "draw_reconstructions", "latent_gaps", "score_reconstructions", "score_table"]
