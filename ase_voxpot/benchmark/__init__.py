"""How fast, with how much memory, how far from what the machine could do, and is it still right?

systems     bcc cells of any size that are multiples of a small tile
check       the reference answer for a tile, through torch's graph in float64
timing      calculators in turn, call by call; steps of dynamics
memory      growth of the process, and what is left
counts      FLOP and bytes of every stage, from the sizes of a model alone
machine     what the machine reaches in a large matrix product and a large copy
stages      the stages of an evaluation, one by one
loops       the painting of voxels against the same loops in plain Python
worker      one subprocess per number of threads: these must be known before libraries start
campaign    workers one after the other, and all they found
pictures    cost against size, stages against their floor
"""
