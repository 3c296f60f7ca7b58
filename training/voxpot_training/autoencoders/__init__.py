"""What models share that send crystals to latent vectors and back: ``structure_field`` and ``generative``.

decoded      a crystal, or why there is none
scores       how far a reconstruction is from its original
tables       the same, to be read
trust        whether what was decoded has the latent vector that it was decoded from
files        networks and priors on disk
generation   new crystals from a codec and its priors
"""
