"""Speed and memory of an evaluation, beside the peak rates of the machine, with a check of every result.

systems     bcc cells of any size that are multiples of a small tile
check       the reference answer for a tile, through torch's graph in float64
timing      calculators in turn, call by call; steps of dynamics
memory      growth of the process, and memory available
counts      FLOP and bytes of every stage, from the sizes of a model alone
machine     what the machine reaches in a large matrix product and a large copy
stages      the stages of an evaluation, one by one
loops       the painting of voxels against the same loops in plain Python
worker      one subprocess per number of threads, which must be set before libraries are loaded
campaign    runs the workers one after the other and collects their results
pictures    cost against size, time of stages against their lower bound
"""
