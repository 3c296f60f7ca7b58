"""Gradients of a loss on energies, forces and stress by the weights of a steerable network, compiled, on the CPU.

A loss L depends on the weights θ by way of the energies of atoms ε_i and the slopes g_p = dE/dd_p of the pairs.  With
c_i = ∂L/∂ε_i and t_p = ∂L/∂g_p, found from the results of a first pass,

    dL/dθ = ∂/∂θ (Σ_i c_i ε_i + Σ_p t_p · dE/dd_p) = d/dη [∂/∂θ Σ_i (1 + η c_i) ε_i(d + η t)]   at η = 0

so that one directional derivative of the ordinary gradient is all there is to compute: no graph, and no second
derivative by positions.  Everything in it is a sum over atoms.  Atoms are evaluated in blocks of one species, in the
layout of ``ase_voxpot.simd``:

    first pass    pairs ─► energies, slopes; kept are activations and dE/d(pre-activations)
    second pass   directional derivatives of both, along t and c
    sums          of their products over the atoms of a batch: dL/dW = Σ (ẋ ⊗ g + x ⊗ ġ) for every matrix, y = W x

    blocks    the functions between the matrix products, with dual numbers
    passes    both passes over one block
    sums      the derivatives by the weights
    engine    batches, threads, and the function of torch that a training differentiates
"""

from voxpot_training.gradients.engine import GradientEngine, evaluate

__all__ = ["GradientEngine", "evaluate"]
