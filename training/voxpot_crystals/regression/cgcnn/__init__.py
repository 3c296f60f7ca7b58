"""Crystal graph convolutional network: T. Xie and J. C. Grossman, Phys. Rev. Lett. 120, 145301 (2018)."""
