"""CPU time of a fingerprint of a perovskite on one core.

    python -m voxpot_crystals.regression.hirshfeld.bench

CPU time, which is independent of other work on the machine.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

from ase_voxpot.plotting import screen
from ase_voxpot.storage.files import write_json

__all__ = ["measure"]


def measure(edge: float, *, rays: int | None = None, repeats: int = 10) -> dict[str, float]:
    """Seconds per fingerprint of BaTiO3, the least of several.

    Args:
        edge: lattice parameter in Å; a narrow crystal has more neighbours.
        rays: directions per site, the default of ``find_surfaces`` if left out.
        repeats: fingerprints to choose the fastest of.
    """
    from voxpot_crystals.regression.hirshfeld.fingerprint import fingerprint
    from voxpot_crystals.regression.hirshfeld.surface import RAYS, find_surfaces
    from voxpot_crystals.regression.hirshfeld.views import perovskite

    crystal, count = perovskite("Ba", "Ti", "O", edge), rays or RAYS
    seconds = []
    for _ in range(repeats + 1):  # the first one compiles
        begin = time.process_time()
        found = find_surfaces(crystal, rays=count)
        fingerprint(found)
        seconds.append(time.process_time() - begin)
    return {"edge": edge, "rays": count, "traced": found.rays, "seconds": min(seconds[1:])}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m voxpot_crystals.regression.hirshfeld.bench", description=__doc__)
    parser.add_argument("--json", type=Path, help="write the results here")
    asked = parser.parse_args()
    os.environ.setdefault("NUMBA_NUM_THREADS", "1")  # one core is what is measured
    rows = [measure(edge) for edge in (3.5, 4.0, 5.5)]
    console = screen.console()
    if asked.json:
        write_json(asked.json, rows)
    for row in rows:
        console.print(f"BaTiO3 at {row['edge']:.1f} Å, {row['traced']} rays on 3 sites: {1000 * row['seconds']:.0f} ms")


if __name__ == "__main__":
    main()
