"""janus-core: calculations of its Python interface, with the calculator on the structure."""

from __future__ import annotations

import pytest
from ase.io import read

from tests.programs import cases

PACKAGE = "janus-core"


def differences() -> dict[str, float]:
    from janus_core.calculations.eos import EoS
    from janus_core.calculations.geom_opt import GeomOpt
    from janus_core.calculations.md import NVE
    from janus_core.calculations.single_point import SinglePoint

    atoms = cases.frame()
    atoms.calc = cases.calculator()
    still = SinglePoint(struct=atoms, properties=["energy", "forces", "stress"]).run()
    found = cases.off_point(still["energy"], still["forces"], still["stress"])

    metal = cases.tungsten()
    metal.calc = cases.calculator()
    relaxation = GeomOpt(struct=metal, fmax=cases.FMAX, filter_class="FrechetCellFilter")
    relaxation.run()
    found["lattice, Å"] = cases.off(relaxation.struct.cell.lengths()[0], cases.at_rest().cell.lengths()[0])

    curve = EoS(struct=metal, min_volume=0.98, max_volume=1.02, minimize=False, file_prefix="eos")
    answer = curve.run()
    known = cases.energies_of(curve.volumes)
    found["energies of volumes, eV"] = cases.off(curve.energies, known)
    found["bulk modulus, GPa"] = cases.off(answer["bulk_modulus"], cases.bulk_modulus(curve.volumes, known))

    NVE(struct=atoms, steps=20, timestep=1.0, traj_every=5, file_prefix="md").run()
    frames = read("md-traj.extxyz", ":")
    assert len(frames) == 5
    found["energies of a run, eV"] = cases.off(
        [f.info["janus_energy"] if "janus_energy" in f.info else f.get_potential_energy() for f in frames],
        [cases.calculator().get_potential_energy(f) for f in frames],
    )
    return found


@cases.needs("janus_core", PACKAGE)
@pytest.mark.filterwarnings("ignore")  # of janus-core itself
def test_calculations_are_those_of_ase(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    cases.within(
        differences(),
        cases.POINT
        | {
            "lattice, Å": 1e-5,
            "energies of volumes, eV": 1e-8,
            "bulk modulus, GPa": 1.0,
            "energies of a run, eV": 1e-4,  # positions with eight digits
        },
    )
