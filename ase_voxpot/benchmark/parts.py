"""What inference does to a chunk of atoms between their pairs and dE/dd, stage by stage.

The names are those of ``counts``.  Each stage is the very function that inference calls, on
arrays that inference has filled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ase_voxpot.network.inference import SteerableInference
from ase_voxpot.network.products import products_adjoint_into, products_into, squares_adjoint_into, squares_into
from ase_voxpot.potential import CHUNK
from ase_voxpot.representation import Scene

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from jaxtyping import Int

    from ase_voxpot.neighbours import Pairs
    from ase_voxpot.network.steerable import SteerableNetwork
    from ase_voxpot.potential import Potential

__all__ = ["parts"]


def parts(
    potential: Potential, network: SteerableNetwork, pairs: Pairs, species: Int[np.ndarray, " all"]
) -> dict[str, tuple[Callable[[], object], int]]:
    """The stages by name, each as something to call and the number of atoms that a call is for.

    Args:
        potential: on the CPU.
        network: that of the potential.
        pairs: of some structure.
        species: of its atoms.
    """
    atoms = min(CHUNK, pairs.atoms)
    kinds, degree, spec = species[:atoms], network.spec.degree, network.spec
    scene = Scene(pairs.of(0, atoms), species[pairs.neighbour[: pairs.first[atoms]]])
    like = torch.empty(0, dtype=potential.dtype)
    seen = potential.representation.deposit(scene, like)
    by_hand = SteerableInference(network)
    _, field = by_hand(seen, kinds)
    if field is None:
        raise RuntimeError("expected a gradient from the network, got none")
    room = by_hand._buffers
    x, start = room["x"].view(atoms, -1), 2 * spec.channels * (degree + 1)
    u, gu, gx = (room[n] for n in ("u", "gu", "gx"))
    u, gu, gx = u.view(len(seen), atoms, -1), gu.view(len(seen), atoms, -1), gx.view(atoms, -1)
    back = torch.empty_like(seen)
    mix = by_hand._mix

    def no_grad(run: Callable[[], object]) -> Callable[[], object]:
        return torch.no_grad()(run)

    out: dict[str, Callable[[], object]] = {
        "deposit": lambda: potential.representation.deposit(scene, like),
        "mixtures": lambda: mix(seen, by_hand._pairs, u),
        "squares": lambda: squares_into(u.numpy(), degree, x.numpy()),
        "dense": lambda: (by_hand._tame(x), by_hand._perceive(x, kinds, gradient=True)),
        "squares, adjoint": lambda: squares_adjoint_into(u.numpy(), degree, gx.numpy(), 1.0, gu.numpy()),
        "mixtures, adjoint": lambda: mix(gu, [w.T for w in by_hand._pairs], back),
        "gather": lambda: potential.representation.gather(field, scene),
    }
    if spec.products:
        mixed, f, gf = (room[n].view(-1, atoms, spec.products) for n in ("mixed", "f", "gf"))
        sphere, weights = network.sphere, network.weights.numpy()
        out |= {
            "fields": lambda: mix(seen, by_hand._fields, mixed),
            "sphere": lambda: torch.mm(sphere, mixed.flatten(1), out=f.flatten(1)),
            "products": lambda: products_into(f.numpy(), weights, start, x.numpy()),
            "products, adjoint": lambda: products_adjoint_into(f.numpy(), weights, start, gx.numpy(), gf.numpy()),
            "sphere, adjoint": lambda: torch.mm(sphere.T, gf.flatten(1), out=mixed.flatten(1)),
            "fields, adjoint": lambda: mix(mixed, [w.T for w in by_hand._fields], back, add=True),
        }
    return {name: (no_grad(run), atoms) for name, run in out.items()}
