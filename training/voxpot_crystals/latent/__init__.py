"""What models share that send crystals to latent vectors and back: ``structure_field`` and ``generative``.

decoded      a crystal, or why there is none
scores       how far a reconstruction is from its original
tables       the same, to be read
pictures     the same, to be seen
trust        whether what was decoded has the latent vector that it was decoded from
files        networks and priors on disk
training     the end of every training: priors, scores, card
generation   new crystals from a codec and its priors
"""

from voxpot_crystals.latent.pictures import draw_reconstructions
from voxpot_crystals.latent.scores import score_reconstructions
from voxpot_crystals.latent.tables import score_table
from voxpot_crystals.latent.trust import DOUBTFUL, doubts, latent_gaps

__all__ = ["DOUBTFUL", "doubts", "draw_reconstructions", "latent_gaps", "score_reconstructions", "score_table"]
