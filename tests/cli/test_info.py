from __future__ import annotations

import pytest

from ase_voxpot.weights import save_potential
from tests.models import seeded, specification


def test_a_model_is_described_with_its_card(voxpot):
    out = voxpot("info", "tiny.safetensors").out

    for part in ("Mo Ta W", "5 Å", "steerable", "6,912", "random weights, for tests"):
        assert part in out


def test_a_steerable_network_is_described_without_a_grid(voxpot):
    out = " ".join(voxpot("info", "tiny.safetensors").out.split())

    assert "8 per element, (1 - r²/r_c²)³ cos(π q r/r_c) exp(-κr²/2), κ = 0.338 Å⁻²" in out
    for part in ("to l = 4", "8 channels", "triple and quadruple, 6 channels to l = 3", "110 - 16 - 1"):
        assert part in out
    assert "³ voxels" not in out


def test_no_window_is_left_in_the_shipped_models(voxpot):
    out = voxpot("info", "motaw").out

    assert "κ" not in out
    assert "640 - 64 - 64 - 64 - 1" in out


@pytest.mark.parametrize(("kind", "voxels"), [("plain", "7³ voxels of 1 Å, σ 0.8 Å, 1 radial function per element")])
def test_networks_that_read_cubes_are_described_with_their_grid(voxpot, here, kind, voxels):
    save_potential(seeded(specification(kind)), here / "cubes.safetensors", card={})

    assert voxels in voxpot("info", "cubes.safetensors").out


def test_a_model_that_knows_its_uncertainty_says_so(voxpot):
    assert "at most 20.0 meV/atom for a frame and 300 meV for an atom" in " ".join(
        voxpot("info", "certain.safetensors").out.split()
    )


def test_without_shipped_models_the_list_says_so(voxpot, monkeypatch, tmp_path):
    monkeypatch.setattr("ase_voxpot.weights.SHIPPED", tmp_path / "nothing")

    assert "No models are shipped" in voxpot("info").out


def test_shipped_models_are_listed(voxpot, monkeypatch, tiny_model):
    monkeypatch.setattr("ase_voxpot.weights.SHIPPED", tiny_model.parent)

    assert "tiny" in voxpot("info").out
    assert "steerable" in voxpot("info", "tiny").out


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "expected the name of a shipped model"),
        (b"", "expected a weight file of ase-voxpot"),
        (b"\x80\x04pickle of somebody", "expected a weight file of ase-voxpot"),
        (b"\x02\x00\x00\x00\x00\x00\x00\x00{}", "a safetensors file from elsewhere"),
    ],
)
def test_foreign_files_are_refused(voxpot, here, content, sentence):
    if content is not None:
        (here / "m.safetensors").write_bytes(content)

    assert sentence in voxpot("info", "m.safetensors").sentence


def test_a_damaged_file_is_refused(voxpot, here, tiny_model):
    content = bytearray(tiny_model.read_bytes())
    content[-1] ^= 255
    (here / "bent.safetensors").write_bytes(content)
    (here / "cut.safetensors").write_bytes(content[:-100])

    assert "do not match their checksum" in voxpot("info", "bent.safetensors").sentence
    assert "damaged" in voxpot("info", "cut.safetensors").sentence


def test_the_shipped_model_is_described(voxpot):
    assert "Mo Ta W" in voxpot("info", "motaw").out
