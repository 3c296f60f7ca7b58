from __future__ import annotations

from typer.testing import CliRunner

from ase_voxpot.validation.bench import app


def test_a_run_is_made_and_the_parts_of_its_validation_are_timed():
    outcome = CliRunner().invoke(app, ["--number", "30", "--repeat", "2", "-m", "motaw-fast"])

    assert outcome.exit_code == 0, outcome.output
    title, _, *parts, total = outcome.output.splitlines()
    assert title.startswith("30 frames x 16 atoms")
    seconds = [float(line.split()[-2]) for line in parts]
    assert abs(float(total.split()[-2]) - sum(seconds)) < 0.2
    assert min(seconds[1:]) > 0
