"""Figures of structure fields and of their latent space."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from voxpot_crystals.structures.pictures import draw_gallery, draw_map
from voxpot_training.colours import ACCENT, INK, PALE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ase import Atoms

    from voxpot_crystals.latent.structure_field.codec import Codec

__all__ = ["draw_between", "draw_field", "draw_latent"]

MAPPED = 1500
"""Draws of a prior in the map of the latent space."""
STEPS = 7
"""Crystals between two."""


def draw_field(path: Path, codec: Codec, atoms: Atoms, *, points: int = 60) -> None:
    """A slice through a decoded position field, and trajectories of particles."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    from voxpot_crystals.latent.structure_field.flow import particle_grid, trajectory

    (seen,) = codec.see([atoms])
    cell, field = seen.cell, codec.field_of(codec.encode([seen])[0], seen.cell)
    axis = (np.arange(points) + 0.5) / points
    u, w = np.meshgrid(axis, axis, indexing="ij")
    fractions = seen.positions @ np.linalg.inv(cell)
    height = fractions[np.argmin(np.abs(fractions[:, 1])), 1]
    flat = np.stack([u.ravel(), np.full(u.size, height), w.ravel()], axis=1) @ cell
    plane = np.linalg.qr(cell[[0, 2]].T)[0].T  # two directions: along a, and the rest of c
    plane *= np.sign((plane * cell[[0, 2]]).sum(1))[:, None]
    result = field(flat)
    true = seen.sources.nearest(flat)[0]
    space = codec.view.space(cell)
    box = (np.zeros(3), cell.sum(0))
    start = particle_grid(space, codec.spec.flow, box)[::7]
    ways = trajectory(field, start, space, codec.spec.flow)
    with mpl.rc_context({"font.size": 9}):
        figure = Figure(figsize=(12.5, 3.9), layout="constrained")
        for axes, (vectors, title) in zip(
            figure.subplots(1, 3), ((true, "|p|, exact"), (result, "|p|, decoded"), (None, "particles")), strict=True
        ):
            if vectors is None:
                jumps = np.linalg.norm(np.diff(ways, axis=0), axis=2) > 2  # across a face of the cell
                for k in range(ways.shape[1]):
                    line = ways[:, k] @ plane.T
                    line[1:][jumps[:, k]] = np.nan
                    axes.plot(*line.T, color=PALE, lw=0.5)
                axes.plot(*plane @ ways[-1].T, "o", color=ACCENT, markersize=3, label="where they rest")
                axes.plot(*plane @ seen.positions.T, "x", color=INK, markersize=7, label="atoms")
                axes.legend(frameon=False, loc="upper right")
            else:
                size = np.linalg.norm(vectors, axis=1).reshape(u.shape)
                x, z = np.round(plane @ flat.T, 9).reshape(2, *u.shape)  # noise would not be monotonic
                mesh = axes.pcolormesh(x, z, size, cmap="viridis", vmin=0, vmax=np.linalg.norm(true, axis=1).max())
                some = (slice(None, None, 5), slice(None, None, 5))
                across, up = (plane @ vectors.T).reshape(2, *u.shape)
                axes.quiver(x[some], z[some], across[some], up[some], color="white", width=0.003)
                figure.colorbar(mesh, ax=axes, label="Å")
            axes.set(aspect="equal", xlabel="along a (Å)", ylabel="in the plane of a and c (Å)", title=title)
        figure.suptitle(f"{atoms.get_chemical_formula()}: position field through an atom")
        figure.savefig(path, dpi=150)


def draw_latent(path: Path, codec: Codec, crystals: Sequence[Atoms]) -> None:
    """Crystals in the first two principal directions of their latent vectors, and samples of the priors."""
    latent = codec.encode([codec.view.see(a) for a in crystals])
    colours = {
        "volume per atom (Å³)": np.array([a.cell.volume / len(a) for a in crystals]),
        "atoms": np.array([len(a) for a in crystals], float),
    }
    rng = np.random.default_rng(0)
    known = codec.priors.known if codec.priors else {}
    drawn = {name: prior.sample(MAPPED, None, rng) for name, prior in known.items()}
    draw_map(path, latent, colours, drawn)


def draw_between(path: Path, codec: Codec, crystals: Sequence[Atoms]) -> None:
    """Interpolation in the latent space between the largest and the smallest crystal."""
    volume = [a.cell.volume for a in crystals]
    ends = [crystals[int(np.argmin(volume))], crystals[int(np.argmax(volume))]]
    a, b = codec.encode(codec.see(ends))
    found = [codec.decode((1 - t) * a + t * b) for t in np.linspace(0, 1, STEPS)]
    formulas = [a.get_chemical_formula() for a in ends]
    draw_gallery(
        path,
        [d.atoms for d in found],
        titles=[d.atoms.get_chemical_formula() if d.atoms else d.failure for d in found],
        heading=f"from {formulas[0]} to {formulas[1]} through the latent space",
        columns=STEPS,
    )
