"""The voxel CNN over a whole cell of Singh et al., arXiv 1811.09724 (2018): a reproduction with further tests."""
