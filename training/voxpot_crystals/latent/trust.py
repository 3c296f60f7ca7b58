"""Check of decoded crystals: the latent vector of a decoded crystal should be the one it was decoded from.

Decoding is a search, and can end in a valid but wrong crystal.  Encoding it again
detects most of these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.errors import VoxPotError
from voxpot_crystals.structures.matching import distances_between, matches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from jaxtyping import Float

    from voxpot_crystals.latent.decoded import Decoded
    from voxpot_crystals.latent.generation import Codec

__all__ = ["DOUBTFUL", "doubts", "latent_gaps"]

DOUBTFUL = 0.1
"""Gap between latent vectors above which a crystal is called doubtful, where decoding is not exact."""


def latent_gaps(
    codec: Codec, latent: Float[np.ndarray, "crystal latent"], found: Sequence[Decoded]
) -> Float[np.ndarray, " crystal"]:
    """Root mean square difference of every latent vector and that of the crystal decoded from it.

    Infinite for a crystal that the encoder refuses, NaN without a crystal.
    """
    gaps = np.full(len(found), np.nan)
    for k, decoded in enumerate(found):
        if decoded.atoms is None:
            continue
        try:
            again = codec.encode(codec.aspects(decoded.atoms))
        except VoxPotError:
            gaps[k] = np.inf
        else:
            gaps[k] = np.sqrt(((again - latent[k]) ** 2).mean(1)).min()
    return gaps


def doubts(
    originals: Sequence[Atoms],
    found: Sequence[Decoded],
    gaps: Float[np.ndarray, " crystal"],
    *,
    limit: float = DOUBTFUL,
) -> dict[str, float | None]:
    """Counts of doubtful crystals, with a gap above ``limit``.

    With pymatgen also those of wrong ones, of those that are both, and their errors in Å.
    """
    doubtful = gaps > limit
    same = matches(originals, [d.atoms for d in found])
    out: dict[str, float | None] = {"doubtful": int(doubtful.sum()), "wrong": None, "doubtful_and_wrong": None}
    if same is not None:
        wrong = ~np.array(same, bool) & np.array([d.atoms is not None for d in found], bool)
        out |= {"wrong": int(wrong.sum()), "doubtful_and_wrong": int((wrong & doubtful).sum())}
        for name, side in (("position_right", np.array(same, bool)), ("position_wrong", wrong)):
            pairs = [(originals[k], found[k].atoms) for k in np.flatnonzero(side).tolist()]
            errors = [distances_between(a, b).min(1).mean() for a, b in pairs if b is not None]
            out[name] = float(np.mean(errors)) if errors else None
    return out
