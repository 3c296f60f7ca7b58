"""``voxpot phonons``: phonons of a crystal and its thermal properties."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ase_voxpot.cli.material import Work, decoration_of, find_method, open_work
from ase_voxpot.cli.options import (
    Calculator,
    Decorate,
    Device,
    Dtype,
    Json,
    Lattice,
    Model,
    Seed,
    Structure,
    Supercell,
    Vacant,
)
from ase_voxpot.cli.refusals import check_targets
from ase_voxpot.plotting.screen import console, progress_bar, table

if TYPE_CHECKING:
    from ase import Atoms

    from ase_voxpot.properties.phonons import Heat, Phonons
    from ase_voxpot.properties.quasiharmonic import QuasiHarmonic

__all__ = ["phonons"]

SHOWN = (0, 100, 200, 300, 500, 1000, 1500, 2000, 3000)
"""K, rows of the table."""


def phonons(
    structure: Structure,
    model: Model = "motaw",
    calculator: Calculator = None,
    width: Annotated[float, typer.Option(help="Least width of the supercell in which atoms are displaced, Å.")] = 15.0,
    highest: Annotated[float, typer.Option("--temperature", "-T", help="Highest temperature, K.")] = 1500.0,
    qha: Annotated[
        bool,
        typer.Option("--qha", help="Quasi-harmonic approximation: expansion, stiffness, heat at constant pressure."),
    ] = False,
    plot: Annotated[Path, typer.Option("--plot", help="Draw spectrum and heat here.")] = Path("phonons.png"),
    phonopy: Annotated[
        Path | None,
        typer.Option(help="Folder for phonopy_params.yaml, with force constants, and FORCE_SETS.", show_default=False),
    ] = None,
    json: Json = None,
    repeat: Supercell = None,
    seed: Seed = 0,
    decorate: Decorate = False,
    vacant: Vacant = False,
    lattice: Lattice = None,
    device: Device = "auto",
    dtype: Dtype = "float32",
) -> None:
    """Compute phonons by small displacements, with phonopy: dispersion, states, heat.

    Cell and ions are relaxed first.  Cells with more than 12 atoms, such as those
    of random alloys, have states by element but no dispersion.  Imaginary frequencies are
    shown as negative ones; then the crystal is not stable and there is no expansion.

    For phonopy_disp.yaml or phono3py_disp.yaml, with displaced cells, FORCE_SETS or FORCES_FC3 is written instead, into
    the folder of --phonopy or the present one.

    voxpot phonons bcc:W
    voxpot phonons bcc:Mo --qha -T 2000 --json mo.json
    voxpot phonons cell.cif --calculator ase.calculators.emt:EMT --width 12
    voxpot phonons phono3py_disp.yaml --dtype float64
    voxpot phonons bcc:Ta --phonopy ta && phonopy-load ta/phonopy_params.yaml --mesh 100 --dos
    """
    import numpy as np

    from ase_voxpot.errors import ConfigError
    from ase_voxpot.properties.drawings import draw_phonons
    from ase_voxpot.properties.phonons import heat, spectrum, write_phonopy
    from ase_voxpot.storage.files import write_json

    if not (1 <= highest < 1e4 and 5 <= width < 100):
        raise ConfigError(
            f"expected a temperature between 1 and 10000 K and a width between 5 and 100 Å, "
            f"got {highest:g} and {width:g}"
        )
    if Path(structure).suffix in (".yaml", ".yml"):
        _answer(Path(structure), find_method(model, calculator, device=device, dtype=dtype).make(), phonopy or Path())
        return
    check_targets(json, plot=plot)
    method = find_method(model, calculator, device=device, dtype=dtype)
    work = open_work(
        structure, method, repeat=repeat, seed=seed, lattice=lattice, decoration=decoration_of(decorate, vacant)
    )
    rest = _rest(work)
    force_constants, expands = _run(work, rest, width=width, highest=highest, qha=qha)
    found = spectrum(force_constants)
    warm = heat(force_constants, np.linspace(0, highest, 151))
    draw_phonons(plot, found, warm, expands, title=work.title)
    if json is not None:
        write_json(json, _plain(found, warm, expands) | work.about)
    written = [plot, *([] if phonopy is None else write_phonopy(force_constants, phonopy))]
    _print(found, warm, expands, title=work.title)
    console().print(f"wrote {', '.join(str(path) for path in written)}", soft_wrap=True)


def _answer(path: Path, calculator: Any, folder: Path) -> None:
    """Forces in displaced cells."""
    from ase_voxpot.properties.displaced import answer

    with progress_bar() as bar:
        task = bar.add_task("cells", total=None)
        written = answer(path, calculator, folder, observe=lambda done, of: bar.update(task, completed=done, total=of))
    console().print(f"wrote {written}", soft_wrap=True)


def _rest(work: Work) -> Atoms:
    """The structure without pressure."""
    from ase_voxpot.properties.cells import to_rest

    return to_rest(work.build(0), work.calculator, fmax=0.001)


def _run(work: Work, rest: Atoms, *, width: float, highest: float, qha: bool) -> tuple[Any, QuasiHarmonic | None]:
    from ase_voxpot.properties.phonons import harmonic
    from ase_voxpot.properties.quasiharmonic import VOLUMES, quasi_harmonic

    with progress_bar() as bar:
        task = bar.add_task("displacements", total=None)
        model = harmonic(
            rest,
            work.calculator,
            width=width,
            observe=lambda done, of: bar.update(task, completed=done, total=of),
        )
        if not qha:
            return model, None
        volumes = bar.add_task("volumes", total=len(VOLUMES))
        expands = quasi_harmonic(
            rest,
            work.calculator,
            highest=highest,
            step=highest / 60,
            width=width,  # the same for C_P as for C_V
            observe=lambda done: bar.update(volumes, completed=done),
        )
    return model, expands


def _plain(found: Phonons, warm: Heat, expands: QuasiHarmonic | None) -> dict[str, Any]:
    out: dict[str, Any] = {
        "highest": found.highest,
        "lowest": found.lowest,
        "special": {k: v.tolist() for k, v in found.special.items()},
        "path": found.path.tolist(),
        "ticks": [{"place": p, "name": n} for p, n in found.ticks.items()],
        "branches": found.branches.tolist(),
        "grid": found.grid.tolist(),
        "density": (found.density / found.atoms).tolist(),
        "partial": {k: (v / found.atoms).tolist() for k, v in found.partial.items()},
        "temperatures": warm.temperatures.tolist(),
        "free_energy": warm.free_energy.tolist(),
        "entropy": warm.entropy.tolist(),
        "heat_capacity": warm.capacity.tolist(),
        "units": {
            "frequencies": "THz, imaginary ones negative",
            "density": "states per THz and atom",
            "free_energy": "eV/atom",
            "entropy": "k_B/atom",
            "heat_capacity": "k_B/atom",
        },
    }
    if expands is not None:
        out["qha"] = {
            "temperatures": expands.temperatures.tolist(),
            "volume": expands.volumes.tolist(),
            "expansion": expands.expansion.tolist(),
            "bulk_modulus": expands.bulk_modulus.tolist(),
            "heat_capacity": expands.capacity.tolist(),
            "gibbs": expands.gibbs.tolist(),
            "units": {"volume": "Å³/atom", "expansion": "1/K, of lengths", "bulk_modulus": "GPa", "gibbs": "eV/atom"},
        }
    return out


def _print(found: Phonons, warm: Heat, expands: QuasiHarmonic | None, *, title: str) -> None:
    import numpy as np

    headers = ["T\nK", "F vib\nmeV/atom", "S vib\nk_B/atom", "C_V\nk_B/atom"]
    if expands is not None:
        headers += ["C_P\nk_B/atom", "V\nÅ³/atom", "expansion\n1e-6/K", "B\nGPa"]
    rows = table(title, *headers)
    for kelvin in (t for t in SHOWN if t <= warm.temperatures[-1]):
        columns = [(1000 * warm.free_energy, ".1f"), (warm.entropy, ".3f"), (warm.capacity, ".3f")]
        cells = [format(np.interp(kelvin, warm.temperatures, v), f) for v, f in columns]
        if expands is not None:
            more = [(expands.capacity, ".3f"), (expands.volumes, ".4f"), (1e6 * expands.expansion, ".2f")]
            more.append((expands.bulk_modulus, ".1f"))
            cells += [format(np.interp(kelvin, expands.temperatures, v), f) for v, f in more]
        rows.add_row(str(kelvin), *cells)
    out = console()
    for name, frequencies in found.special.items():
        if len(found.path):
            out.print(f"{name:2s} " + " ".join(f"{f + 0.0:.2f}" for f in np.round(frequencies, 2)) + " THz")
    out.print(rows)
    out.print(f"highest frequency {found.highest:.2f} THz, lowest {np.round(found.lowest, 2) + 0.0:.2f} THz")
    if found.lowest < -0.1:
        out.print("imaginary frequencies (negative): the crystal is not stable, and the table leaves them out")
