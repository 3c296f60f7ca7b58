"""``voxpot warmup``: fill the cache of compiled functions."""

from __future__ import annotations

from typing import Annotated

import typer

from ase_voxpot.cli.options import Dtype, Model
from ase_voxpot.plotting.screen import console, table

__all__ = ["warmup"]


def warmup(
    model: Model = "motaw",
    dtype: Dtype = "float32",
    shared: Annotated[
        bool,
        typer.Option("--shared", help="Keep it beside the package, where every user of this installation finds it."),
    ] = False,
) -> None:
    """Compile now what would be compiled at the first call, and keep it.

    The first call on a machine compiles, and all others load what it made, in every environment
    with the same versions of this package, Numba and Python. This fills the cache at once: when a
    container is built, or before many jobs start. Models that differ in their weights alone share
    all compiled functions, float32 and float64 share none. Functions in the cache are not compiled again.

    voxpot warmup
    voxpot warmup --dtype float64
    RUN pip install ase-voxpot && voxpot warmup --shared   (in a Dockerfile)
    VOXPOT_CACHE=/opt/voxpot voxpot warmup                 (and set it again to use it)
    """
    from ase_voxpot.cli.warming import choose_place, contents, warm_up

    place = choose_place(shared=shared)
    rows = table(f"{model} in {dtype}", "for", "compiled", "loaded", "s")
    seconds = 0.0
    for done in warm_up(model, dtype):  # type: ignore[arg-type]
        rows.add_row(done.name, str(done.compiled), str(done.loaded), f"{done.seconds:.1f}")
        seconds += done.seconds
    console().print(rows)
    count, size = contents(place)
    console().print(f"{count} functions, {size / 1e6:.1f} MB, in {place} after {seconds:.1f} s", soft_wrap=True)
