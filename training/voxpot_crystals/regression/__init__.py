"""Structure in, number out: what every property model of the family shares.

config      what a training is told
crystals    labelled crystals, read and checked
perovskites who sits where in ABX3
elements    what is known of an element without a calculation
composition features of a composition, and the baselines that see no more
grouping    splits that keep relatives on one side
method      what a member of the family has to say of itself
ensemble    training and asking an ensemble of its networks
report      tables, pictures and the card
run         from a config to a model file
predict     from a model file to numbers
"""
