"""Comparison of a model with a VASP run: errors per frame, and its own dynamics.

run = read_run([Path("vasprun.xml")])
found = validate(load_potential("motaw"), run, model="motaw", card={})
write_report(found, Path("validation"))
"""

from ase_voxpot.validation.reading import read_run
from ase_voxpot.validation.report import write_report
from ase_voxpot.validation.validate import Validation, validate

__all__ = ["Validation", "read_run", "validate", "write_report"]
