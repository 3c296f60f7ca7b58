from __future__ import annotations

import subprocess
import sys

import pytest

import ase_voxpot
from ase_voxpot.cli import main

VERBS = (
    "info",
    "evaluate",
    "relax",
    "md",
    "physics",
    "eos",
    "elastic",
    "phonons",
    "defects",
    "diffusion",
    "train",
    "lmp",
)


def test_help_lists_the_verbs(voxpot):
    for arguments in ((), ("--help",), ("-h",)):
        outcome = voxpot(*arguments)
        assert outcome.status == 0
        assert all(verb in outcome.out for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself_with_examples(voxpot, verb):
    outcome = voxpot(verb, "--help")

    assert outcome.status == 0
    assert outcome.out.count(f"voxpot {verb}") >= 3  # usage and examples


def test_help_loads_nothing_heavy():
    heavy = "torch", "numba", "numpy", "ase", "matplotlib", "scipy"
    script = (
        "import sys; from ase_voxpot.cli import main; main(['--help']); main(['md', '--help']); "
        f"sys.exit(bool(set({heavy!r}) & set(sys.modules)))"
    )

    assert subprocess.run([sys.executable, "-c", script], capture_output=True, check=False).returncode == 0


def test_the_version_is_told(voxpot):
    assert voxpot("--version").out == f"voxpot {ase_voxpot.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("dance",), "No such command 'dance'"),
        (("md",), "Missing argument"),
        (("md", "bcc:W", "--tempreature", "3"), "No such option: --tempreature"),
        (("md", "bcc:W", "--steps", "many"), "Invalid value for '--steps'"),
    ],
)
def test_a_command_line_that_makes_no_sense_is_refused(voxpot, arguments, sentence):
    assert sentence in voxpot(*arguments).sentence


def test_an_error_of_the_system_is_a_sentence_too(voxpot, monkeypatch):
    def refuse():
        raise PermissionError(13, "Permission denied", "some/file")

    monkeypatch.setattr("ase_voxpot.weights.shipped_models", refuse)

    assert voxpot("info").sentence == "voxpot: some/file: Permission denied"


def test_an_interrupt_is_no_traceback(voxpot, monkeypatch):
    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr("ase_voxpot.weights.shipped_models", interrupt)

    outcome = voxpot("info")

    assert outcome.status == 130
    assert outcome.err == "voxpot: interrupted\n"


def test_too_large_a_structure_is_a_sentence_too(voxpot):
    assert "not enough memory" in voxpot("md", "bcc:W", "--repeat", 100_000, "--model", "tiny.safetensors").sentence


def test_a_fault_of_our_own_is_not_hidden(monkeypatch):
    def fail():
        raise RuntimeError("a fault")

    monkeypatch.setattr("ase_voxpot.weights.shipped_models", fail)

    with pytest.raises(RuntimeError, match="a fault"):
        main(["info"])
