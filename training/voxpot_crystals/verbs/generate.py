"""``voxpot generate``: new crystals from a model that encodes and decodes them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ase_voxpot.cli.material import note
from ase_voxpot.cli.options import Json, ModelOfCrystals, Scheduler, Seed, Workers
from ase_voxpot.cli.refusals import check_targets, refuse_all, refuse_seed
from ase_voxpot.cli.workers import run_parts
from ase_voxpot.plotting.screen import console, progress, progress_bar, table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ase import Atoms

    from ase_voxpot.methods import Method
    from voxpot_crystals.verbs.measures import ByModel, ByPotential

__all__ = ["generate", "relaxed"]

AT_ONCE = 16
"""Samples between updates of the progress."""
PATIENCE = 5
"""Largest number of samples per requested crystal."""
SHOWN = 24
"""Crystals of a picture."""
PORTION = 4
"""Crystals that are relaxed with one calculator, which may remember lists of neighbours."""


def generate(
    model: ModelOfCrystals,
    output: Annotated[Path, typer.Option("--output", "-o", help="The crystals, as extended XYZ.", show_default=False)],
    count: Annotated[int, typer.Option("--number", "-n", help="How many crystals.", min=1)] = 100,
    condition: Annotated[
        list[str] | None,
        typer.Option("--condition", "-c", help="Condition as NAME=VALUE; several may be given.", metavar="TEXT"),
    ] = None,
    prior: Annotated[
        str | None, typer.Option(help="Prior: gaussian or flow; the flow by default, if there is one.")
    ] = None,
    between: Annotated[
        Path | None,
        typer.Option(
            "--between", help="Instead: interpolate in as many steps between the first two crystals of this file."
        ),
    ] = None,
    rank: Annotated[
        str | None,
        typer.Option(
            "--rank", help="Sort by a property model, or by formation energies of a potential: the lowest first."
        ),
    ] = None,
    symprec: Annotated[
        float | None, typer.Option("--symprec", help="Symmetrise crystals within this tolerance, Å.")
    ] = None,
    relax: Annotated[
        str | None,
        typer.Option(
            "--relax", help="Relax atoms and cells with a potential, or a calculator: module:factory, file.py:factory."
        ),
    ] = None,
    known: Annotated[
        Path | None, typer.Option("--known", help="Known crystals, such as those of the training.")
    ] = None,
    passed: Annotated[bool, typer.Option("--passed", help="Write only crystals that pass the screening.")] = False,
    seed: Seed = 0,
    workers: Workers = 1,
    scheduler: Scheduler = None,
    json: Json = None,
    plot: Annotated[Path | None, typer.Option("--plot", help="Draw the first of them (PNG).")] = None,
) -> None:
    """Draw new crystals from a trained model, under conditions if wanted.

    A draw that cannot be decoded is counted and drawn again; after five draws per crystal it ends with fewer.
    Conditions are the number of atoms, the volume per atom in Å³, elements (these and no others), contains
    (at least these), and the properties that a model was trained with; values outside the range of the
    training crystals are refused. New crystals are screened: distances, balanced charges, repeats, and with --known
    novelty; info has the reason why a crystal did not pass. Invalid crystals of --known, such as those with
    partially occupied sites, are counted on stderr and ignored; in --between they are refused. A potential in --rank
    gives formation energies against its elements at rest, of crystals as they are, and with --known their distances
    from the convex hull of the known crystals. Several workers share the relaxations and the values of --rank; the
    crystals are those of one process.

    voxpot generate --model nesf-lcs6a -n 100 --output new.extxyz --plot new.png
    voxpot generate -m nesf-lcs6a -n 20 -c elements=Ba,Ti,O -c atoms=5 --rank cgcnn-formation -o new.extxyz
    voxpot generate -m icsg3d-perov -n 200 --known train.extxyz --passed --symprec 0.1 -o new.extxyz
    voxpot generate -m bcc.safetensors -n 99 --relax nbmotaw --rank nbmotaw --known train.extxyz -o new.extxyz
    voxpot generate -m nesf-lcs6a -n 9 --between two.extxyz -o between.extxyz
    """
    from ase_voxpot.errors import ConfigError
    from ase_voxpot.storage.files import write_json
    from voxpot_crystals.codecs import load_generator
    from voxpot_crystals.verbs.ranking import ranked, ranking_of, relaxing

    refuse_seed(seed)
    if between is not None and (condition or prior):
        raise ConfigError("between: expected without --condition and --prior, as nothing is drawn; got both")
    if symprec is not None and not 0 < symprec < 1:
        raise ConfigError(f"symprec: expected a length between 0 and 1 Å, got {symprec:g}")
    check_targets(output, json, plot=plot)
    method = relaxing(relax) if relax else None
    if method is not None:
        method.make()  # refused before anything is drawn
    others = _known(known) if known else []
    generator = load_generator(model)
    ranking = ranking_of(rank, hull=bool(others)) if rank else None
    asked = generator.conditions.parse(condition or [])
    tried = _drawn(generator, count, asked, prior, seed) if between is None else _between(generator, between, count)
    figures = {"model": model, "seed": seed, "prior": prior, "condition": list(condition or []), "asked": count}
    made = _made(tried, model, figures)
    _print_kept(generator.conditions.kept(asked, made), figures)
    made = _symmetrised(made, symprec)
    if method is not None:
        made = _relaxed(made, method, figures, workers=workers, scheduler=scheduler)
    made = _screened(made, others, passed, figures)
    if ranking is not None:
        made = ranked(made, ranking, others, figures, workers=workers, scheduler=scheduler)
    _write(output, made)
    if json is not None:
        write_json(json, figures)
    if plot is not None:
        _draw(plot, made, model, ranking)
    kept = f"; {len(made)} passed and were kept" if passed else ""
    typer.echo(f"wrote {output}: {_counts(figures)}{kept}")


def _made(tried: Sequence[Any], model: str, figures: dict[str, Any]) -> list[Atoms]:
    """The crystals, numbered; counts of samples are added to ``figures``."""
    made = [d.atoms for d in tried if d.atoms is not None]
    failures = Counter(d.failure for d in tried if d.atoms is None)
    figures |= {"made": len(made), "tried": len(tried), "failed": dict(failures)}
    for index, crystal in enumerate(made):
        crystal.info |= {"source": f"generated by {model}", "index": index}
    return made


def _write(path: Path, made: Sequence[Atoms]) -> None:
    from ase.io import write

    from ase_voxpot.storage.files import draft_of

    with draft_of(path) as draft:
        write(draft, made, format="extxyz")


def _between(generator: Any, path: Path, count: int) -> list[Any]:
    from ase_voxpot.errors import DataError
    from ase_voxpot.frames.labels import read_frames

    crystals = read_frames(path, ":2")
    if len(crystals) < 2:
        raise DataError(f"{path}: expected two crystals to go between, got {len(crystals)}")
    found: list[Any] = generator.interpolate(crystals[0], crystals[1], count)
    return found


def _known(path: Path) -> list[Atoms]:
    """Known crystals; invalid ones are counted on stderr and left out."""
    from ase_voxpot.frames.labels import read_each
    from voxpot_crystals.structures.checks import sift_crystals

    found = read_each(path)
    kept, refused = sift_crystals(found)
    refuse_all(refused, len(found), path)
    if refused:
        row, reason = next(iter(refused.items()))
        note(
            f"{len(refused)} of {len(found)} crystals of {path} are not compared with, the first frame {row}: {reason}"
        )
    return list(kept.values())


def _drawn(generator: Any, count: int, asked: Any, prior: str | None, seed: int) -> list[Any]:
    """Draws until enough of them are crystals, or too many were needed."""
    import numpy as np

    rng = np.random.default_rng(seed)
    tried: list[Any] = []
    made = 0
    with progress_bar("{task.fields[failed]}") as bar:
        task = bar.add_task("crystals", total=count, failed="")
        while made < count and len(tried) < PATIENCE * count:
            wanted = min(count - made, AT_ONCE, PATIENCE * count - len(tried))
            tried += generator.sample(wanted, condition=asked, prior=prior, rng=rng)
            made = sum(d.atoms is not None for d in tried)
            bar.update(task, completed=made, failed=f"{len(tried) - made} failed" if made < len(tried) else "")
    return tried


def _print_kept(kept: Mapping[str, Mapping[str, Any]], figures: dict[str, Any]) -> None:
    """Print requested and obtained conditions."""
    figures["kept"] = kept
    if not kept:
        return
    rows = table("Conditions", "name", "asked", "came")
    for name, found in kept.items():
        if "share" in found:
            came = "–" if found["share"] is None else f"{100 * found['share']:.0f} % have them"
            rows.add_row(name, str(found["asked"]), came)
        else:
            came = "not measured" if found["mean"] is None else f"{found['mean']:.4g} ± {found['deviation']:.2g}"
            rows.add_row(name, f"{found['asked']:g}", came)
    console().print(rows)


def _symmetrised(made: Sequence[Atoms], symprec: float | None) -> list[Atoms]:
    """The crystals, symmetrised if requested and sound."""
    from voxpot_crystals.latent.voxel_vae.screening import symmetrised
    from voxpot_crystals.latent.voxel_vae.validity import structure_fault

    return [a if symprec is None or structure_fault(a) else symmetrised(a, symprec) for a in made]


def _relaxed(
    made: Sequence[Atoms], method: Method, figures: dict[str, Any], *, workers: int, scheduler: str | None
) -> list[Atoms]:
    """The relaxed crystals; those that fail to relax are not changed."""
    parts = [(method, list(made[k : k + PORTION])) for k in range(0, len(made), PORTION)]
    steps = [len(some) for _, some in parts]
    with progress("relaxing", len(made)) as step:
        portions = run_parts(relaxed, parts, workers=workers, scheduler=scheduler, observe=step, steps=steps)
        found = [crystal for portion in portions for crystal in portion]
    words = (str(a.info["relaxed"]).split(": ") for a in found)
    failed = Counter(why[0] for state, *why in words if state == "failed")
    figures["relaxation"] = {"crystals": len(found), "failed": dict(failed)}
    return found


def relaxed(method: Method, made: Sequence[Atoms], *, observe: Callable[[], None] = lambda: None) -> list[Atoms]:
    """Some crystals relaxed with one calculator, with what became of them in ``info``.

    Args:
        method: that makes the calculator.
        made: crystals; those that fail are returned as they are.
        observe: called after every crystal.
    """
    from voxpot_crystals.latent.voxel_vae.screening import relax

    calculator, out = method.make(), []
    for crystal in made:
        moved, reached, why = relax(crystal, calculator)
        if moved is None:
            moved = crystal.copy()
            moved.info["relaxed"] = f"failed: {why}"
        else:
            energy = float(moved.get_potential_energy()) / len(moved)
            moved.calc = None
            moved.info |= {"relaxed": "reached" if reached else "not reached", "relaxed_energy_per_atom": energy}
        out.append(moved)
        observe()
    return out


def _screened(made: Sequence[Atoms], known: Sequence[Atoms], passed: bool, figures: dict[str, Any]) -> list[Atoms]:
    """The crystals with results of the screening; only those that passed if requested."""
    from voxpot_crystals.latent.voxel_vae.screening import faults

    reasons = faults(made, known)
    for crystal, reason in zip(made, reasons, strict=True):
        crystal.info["screened"] = reason or "passed"
    counts = Counter(reason or "passed" for reason in reasons)
    figures["screened"] = dict(counts)
    rows = table("Screening", "found", "crystals", "share")
    for name, count in counts.most_common():
        rows.add_row(name, str(count), f"{100 * count / len(reasons):.0f} %")
    if reasons:
        console().print(rows)
    return [a for a, reason in zip(made, reasons, strict=True) if not (passed and reason)]


def _draw(path: Path, made: Sequence[Atoms], model: str, ranking: ByModel | ByPotential | None) -> None:
    from voxpot_crystals.structures.pictures import draw_gallery

    shown = list(made[:SHOWN])
    captions = ["" if ranking is None else ranking.caption(a.info) for a in shown]
    titles = [f"{a.get_chemical_formula()}\n{text}".rstrip() for a, text in zip(shown, captions, strict=True)]
    draw_gallery(path, shown, titles=titles, heading=f"{model}: {len(shown)} of {len(made)} crystals")


def _counts(figures: Mapping[str, Any]) -> str:
    failed = ", ".join(f"{count} {reason}" for reason, count in sorted(figures["failed"].items()))
    short = f", fewer than the {figures['asked']} asked for" if figures["made"] < figures["asked"] else ""
    lost = f"; {figures['tried'] - figures['made']} failed ({failed})" if failed else "; none failed"
    return f"{figures['made']} crystals from {figures['tried']} decodes{short}{lost}"
