"""Property models of crystals: the parts that all of them share.

config      configuration of a training
crystals    labelled crystals, read and checked
perovskites elements on the sites of ABX3
elements    features of elements
composition features of a composition, and baselines on these alone
grouping    splits by groups
gaussian    Gaussian processes
ionic       ionic radii and charges
method      interface of a method
ensemble    training and evaluation of an ensemble of networks
report      tables, pictures and the card
run         from a config to a model file
predict     from a model file to numbers
"""
