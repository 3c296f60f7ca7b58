"""Results of ``voxpot diffusion`` as tables and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ase_voxpot.plotting.screen import console, table, value_with_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase_voxpot.properties.diffusion import Arrhenius, Diffusion

__all__ = ["plain", "plain_members", "show", "show_members"]


def _corrected(run: Diffusion, name: str) -> tuple[float, float] | None:
    """The coefficient in an endless cell, with its error."""
    from ase_voxpot.properties.viscosity import missing_diffusion

    if run.viscosity is None or run.length is None or run.viscosity.value <= 0:
        return None
    missing, error = missing_diffusion(run.viscosity, temperature=run.temperature, length=run.length)
    return run.coefficients[name] + missing, (run.errors[name] ** 2 + error**2) ** 0.5


def plain(runs: Sequence[Diffusion], laws: dict[str, Arrhenius | None]) -> dict[str, Any]:
    """Runs and laws as a JSON object."""
    from dataclasses import asdict

    return {
        "unit": "Å²/ps (1e-8 m²/s)",
        "unit_viscosity": "mPa s",
        "runs": [
            _of_run(r)
            | {"times": r.times.tolist(), "displacements": {k: v.tolist() for k, v in r.displacements.items()}}
            for r in runs
        ],
        "arrhenius": {name: None if law is None else asdict(law) for name, law in laws.items()},
    }


def plain_members(seeds: Sequence[int], members: Sequence[Sequence[Diffusion]]) -> list[dict[str, Any]]:
    """Every run of every temperature, with its seed."""
    return [{"seed": seed} | _of_run(r) for runs in members for seed, r in zip(seeds, runs, strict=True)]


def _of_run(run: Diffusion) -> dict[str, Any]:
    viscosity = run.viscosity
    return {
        "temperature": run.temperature,
        "volume": run.volume,
        "coefficients": run.coefficients,
        "errors": run.errors,
        "edge": run.length,
        "viscosity": None if viscosity is None else {"value": viscosity.value, "error": viscosity.error},
        "endless": {name: _endless(_corrected(run, name)) for name in run.coefficients},
    }


def _endless(found: tuple[float, float] | None) -> dict[str, float] | None:
    return None if found is None else {"value": found[0], "error": found[1]}


def show(runs: Sequence[Diffusion], laws: dict[str, Arrhenius | None], *, title: str) -> None:
    """Print the coefficients at every temperature, the laws and the viscosities."""
    names = list(runs[0].coefficients)
    rows = table(f"{title}\nD in Å²/ps (1e-8 m²/s) ± standard error", "T\nK", "V\nÅ³/atom", *names)
    for run in runs:
        cells = [value_with_error(run.coefficients[n], run.errors[n], 4) for n in names]
        rows.add_row(f"{run.temperature:.0f}", f"{run.volume:.3f}", *cells)
        endless = [_corrected(run, n) for n in names]
        if all(endless):
            rows.add_row("in an endless cell", "", *(value_with_error(*pair, 4) for pair in endless if pair))
    out = console()
    out.print(rows)
    for name, law in laws.items():
        if law is not None:
            out.print(
                f"{name}: D = {law.prefactor:.3g} Å²/ps exp(-E / k_B T), "
                f"E = {value_with_error(law.energy, law.error, 2)} eV"
            )
    for run in runs:
        if run.viscosity is not None and run.length is not None:
            value = value_with_error(run.viscosity.value, run.viscosity.error, 2)
            source = "as given" if run.viscosity.error is None else "Green-Kubo"
            out.print(
                f"viscosity at {run.temperature:.0f} K: {value} mPa s ({source}); the cell is {run.length:.1f} Å wide"
            )
    unsure = [f"{n} at {r.temperature:.0f} K" for r in runs for n in names if r.coefficients[n] < 2 * r.errors[n]]
    if unsure:
        out.print(f"no more than two errors from zero: {', '.join(unsure)}; run longer", soft_wrap=True)


def show_members(seeds: Sequence[int], members: Sequence[Sequence[Diffusion]]) -> None:
    """Print the coefficients of every run."""
    names = list(members[0][0].coefficients)
    rows = table("runs, D in Å²/ps", "T\nK", "seed", "V\nÅ³/atom", *names)
    for runs in members:
        for seed, run in zip(seeds, runs, strict=True):
            cells = [value_with_error(run.coefficients[n], run.errors[n], 4) for n in names]
            rows.add_row(f"{run.temperature:.0f}", str(seed), f"{run.volume:.3f}", *cells)
    console().print(rows)
