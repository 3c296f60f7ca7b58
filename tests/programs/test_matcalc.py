"""matcalc: its property classes with the calculator."""

from __future__ import annotations

import pytest
from ase import Atoms

from ase_voxpot.properties.phonons import DISPLACEMENT, harmonic
from tests.programs import cases

PACKAGE = "matcalc"


def differences() -> dict[str, float]:
    import matcalc

    calculator = cases.calculator()
    still = matcalc.RelaxCalc(calculator, relax_atoms=False, relax_cell=False).calc(cases.frame())
    found = cases.off_point(still["energy"], still["forces"], still["stress"])

    rest = cases.at_rest()
    relaxed = matcalc.RelaxCalc(calculator, fmax=cases.FMAX).calc(cases.tungsten())
    found["lattice, Å"] = cases.off(relaxed["a"], rest.cell.lengths()[0])

    strains = (-0.002, -0.001, 0.001, 0.002)
    elastic = matcalc.ElasticityCalc(
        calculator, fmax=cases.FMAX, norm_strains=strains, shear_strains=strains, units_GPa=True
    )
    found["elastic constants, GPa"] = cases.off(elastic.calc(cases.tungsten())["elastic_tensor"].voigt, cases.tensor())

    curve = matcalc.EOSCalc(calculator, fmax=cases.FMAX, max_abs_strain=0.02).calc(cases.tungsten())
    volumes = curve["eos"]["volumes"]
    known = cases.energies_of(volumes)
    found["energies of volumes, eV"] = cases.off(curve["eos"]["energies"], known)
    found["bulk modulus, GPa"] = cases.off(curve["bulk_modulus_bm"], cases.bulk_modulus(volumes, known))

    ours = harmonic(rest, calculator)
    cell = Atoms(ours.unitcell.symbols, cell=ours.unitcell.cell, positions=ours.unitcell.positions, pbc=True)
    phonons = matcalc.PhononCalc(
        calculator,
        supercell_matrix=ours.supercell_matrix,
        atom_disp=DISPLACEMENT,
        relax_structure=False,
        write_phonon=False,
    )
    theirs = phonons.calc(cell)["phonon"]
    point = [0.1, 0.2, 0.3]
    found["frequencies, THz"] = cases.off(theirs.get_frequencies(point), ours.get_frequencies(point))
    return found


@cases.needs("matcalc", PACKAGE)
@pytest.mark.filterwarnings("ignore")  # of matcalc itself
def test_properties_are_those_of_ase(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    cases.within(
        differences(),
        cases.POINT
        | {
            "lattice, Å": 1e-5,
            "elastic constants, GPa": 1.0,  # other strains, differences of second order
            "energies of volumes, eV": 1e-8,
            "bulk modulus, GPa": 1e-3,
            "frequencies, THz": 1e-4,
        },
    )
