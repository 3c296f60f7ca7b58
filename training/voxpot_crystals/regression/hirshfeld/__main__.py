"""Surfaces and fingerprints of crystals in a file: figures, arrays and pictures."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from ase_voxpot.errors import ConfigError, VoxPotError
from ase_voxpot.frames.labels import read_frames
from ase_voxpot.storage.files import draft_of, make_parents, write_json
from voxpot_crystals.regression.hirshfeld.fingerprint import Bins, fingerprint, site_fingerprints
from voxpot_crystals.regression.hirshfeld.surface import RAYS, find_surfaces

__all__ = ["main"]

EXAMPLE = "example: python -m voxpot_crystals.regression.hirshfeld BaTiO3.cif --output BaTiO3 --soft"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m voxpot_crystals.regression.hirshfeld", description=__doc__, epilog=EXAMPLE
    )
    parser.add_argument("file", type=Path, help="crystals, in any format that ASE reads")
    parser.add_argument("--index", type=int, default=0, help="which crystal of the file to draw (default: the first)")
    parser.add_argument(
        "--output", "-o", type=Path, help="write OUTPUT-surfaces.png, OUTPUT-fingerprint.png and OUTPUT.npz"
    )
    parser.add_argument("--low", type=float, default=0.76, help="least distance of the bins, Å (default: 0.76)")
    parser.add_argument("--high", type=float, default=2.8, help="greatest distance of the bins, Å (default: 2.8)")
    parser.add_argument("--bins", type=int, default=50, help="bins along each axis (default: 50)")
    parser.add_argument("--soft", action="store_true", help="share a point among the nearest bins")
    parser.add_argument(
        "--rays", type=int, default=RAYS, help=f"directions of a site without symmetry (default: {RAYS})"
    )
    parser.add_argument("--json", type=Path, help="write the results here")
    return parser


def _run(asked: argparse.Namespace) -> None:
    bins = Bins(low=asked.low, high=asked.high, count=asked.bins, soft=asked.soft)
    if asked.rays < 50:
        raise ConfigError(f"--rays: expected at least 50 directions, got {asked.rays}")
    frames = read_frames(asked.file)
    if not -len(frames) <= asked.index < len(frames):
        raise ConfigError(f"--index: expected a number below {len(frames)}, got {asked.index}")
    atoms = frames[asked.index]
    found = find_surfaces(atoms, rays=asked.rays)
    whole = fingerprint(found, bins)
    rows = []
    for k, site in enumerate(found.sites):
        mine = found.site == k
        ends = [
            [float(f(d[mine])) for f in (np.min, np.max)] if mine.any() else None for d in (found.inside, found.outside)
        ]
        area = float(found.area[mine].sum())
        rows.append({"site": site.name, "atoms": site.multiplicity, "area": area, "d_i": ends[0], "d_e": ends[1]})
    report = {
        "formula": atoms.get_chemical_formula(),
        "sites": rows,
        "swallowed": [site.name for site in found.swallowed],
        "area_per_atom": whole.area,
        "beyond_bins": whole.missed / whole.area,
        "folded_rays": found.folded,
    }
    if asked.json:
        write_json(asked.json, report)
    _print(report)
    if asked.output:
        from voxpot_crystals.regression.hirshfeld.pictures import draw_fingerprints, draw_surfaces

        place = make_parents(asked.output.with_name(f"{asked.output.name}.npz"))
        with draft_of(place) as draft:
            images, missed = site_fingerprints(found, bins)
            np.savez_compressed(draft, edges=bins.edges, fingerprint=whole.image, sites=images, missed=missed)
        draw_surfaces(place.with_name(f"{asked.output.name}-surfaces.png"), atoms)
        draw_fingerprints(
            place.with_name(f"{asked.output.name}-fingerprint.png"), {str(report["formula"]): atoms}, bins=bins
        )


def _print(report: dict[str, Any]) -> None:
    console = Console(soft_wrap=True)
    console.print(f"[bold]{report['formula']}[/], {report['area_per_atom']:.3f} Å² per atom")
    for row in report["sites"]:
        if row["d_i"] is None:
            console.print(f"{row['site']} ×{row['atoms']}: swallowed by its neighbours, no surface")
            continue
        (a, b), (c, d) = row["d_i"], row["d_e"]
        console.print(
            f"{row['site']} ×{row['atoms']}: {row['area']:.3f} Å², d_i {a:.4f}–{b:.4f} Å, d_e {c:.4f}–{d:.4f} Å"
        )
    console.print(f"{100 * report['beyond_bins']:.2f} % of the area lies beyond the bins")


def main() -> None:
    """Run the command line; errors of the input are printed as one sentence, with status 2."""
    try:
        _run(_parser().parse_args())
    except VoxPotError as error:
        Console(stderr=True, soft_wrap=True).print(f"[red]error:[/] {error}")
        sys.exit(2)


if __name__ == "__main__":
    main()
