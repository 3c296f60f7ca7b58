"""``voxpot reconstruct``: crystals to latent vectors and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ase_voxpot.cli.options import Crystals, Json, ModelOfCrystals, Strict
from ase_voxpot.cli.refusals import check_targets, refuse_all, sift, tell_refused
from ase_voxpot.plotting.screen import console, progress_bar

__all__ = ["reconstruct"]


def reconstruct(
    frames: Crystals,
    model: ModelOfCrystals,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Reconstructed crystals, as extended XYZ.", show_default=False)
    ],
    json: Json = None,
    plot: Annotated[Path | None, typer.Option("--plot", help="Draw some originals and reconstructions (PNG).")] = None,
    strict: Strict = False,
) -> None:
    """Encode and decode every crystal of a file.

    Every frame of the output carries source_index, the position of its original in the file, from 0, and latent_gap:
    the distance of the latent vector of the decoded crystal from the one it was decoded from. A crystal that cannot be
    decoded has no frame; it is counted, and so are the doubtful ones, with a gap above the limit of the model. A table
    of errors is printed. Crystals that the model does not support, such as those with partially occupied sites, are
    named on stderr and in the JSON file (refused), have no frame and are not scored, and the exit status is 1; with
    --strict the first of them ends the command with exit status 2, and so does a file that has no others.

    voxpot reconstruct crystals.extxyz --model nesf-lcs6a --output back.extxyz
    voxpot reconstruct POSCAR -m nesf-lcs6a -o back.extxyz --plot beside.png
    """
    from dataclasses import asdict
    from time import process_time

    from ase import Atoms
    from ase.io import write

    from ase_voxpot.frames.labels import read_each
    from ase_voxpot.storage.files import draft_of, write_json
    from voxpot_crystals import latent as shared
    from voxpot_crystals.codecs import load_codec

    check_targets(output, json, plot=plot)
    codec = load_codec(model)
    given = read_each(frames)
    taken, refused = sift(given, lambda crystal: codec.see([crystal])[0], strict=strict)
    refuse_all(refused, len(given), frames)
    rows, seen = list(taken), list(taken.values())
    originals = [a for a in (given[row] for row in rows) if isinstance(a, Atoms)]
    begin = process_time()
    with progress_bar() as bar:
        latent = codec.encode(seen)
        work = bar.track(list(zip(latent, seen, strict=True)), description="crystals")
        found = [codec.decode(z, like=s.cell, origin=s.origin) for z, s in work]
    each = (process_time() - begin) / len(originals)
    gaps = shared.latent_gaps(codec, latent, found)
    made = []
    for row, decoded, gap in zip(rows, found, gaps.tolist(), strict=True):
        if decoded.atoms is not None:
            decoded.atoms.info |= {"source_index": row, "latent_gap": gap}
            made.append(decoded.atoms)
    with draft_of(output) as draft:
        write(draft, made, format="extxyz")
    scores = shared.score_reconstructions(originals, found)
    counts = shared.doubts(originals, found, gaps, limit=codec.doubtful)
    if json is not None:
        write_json(json, asdict(scores) | counts | {"cpu_seconds_each": each, "refused": refused})
    if plot is not None:
        shared.draw_reconstructions(plot, originals, found)
    console().print(shared.score_table(scores, title=f"{model} on {frames}"))
    told = ""
    if counts["wrong"] is not None:
        told = f", among them {counts['doubtful_and_wrong']} of the {counts['wrong']} that are not their originals"
        for name, side in (("position_right", "the others"), ("position_wrong", "these")):
            if counts.get(name) is not None:
                told += f", {side} off by {counts[name]:.3f} Å"
    typer.echo(
        f"wrote {output}: {len(made)} of {len(originals)} crystals; {scores.failed} could not be decoded, "
        f"{counts['doubtful']} are doubtful (latent_gap above {codec.doubtful:g}){told}; {each:.2f} CPU s each"
    )
    tell_refused(refused, len(given), "reconstructed")
