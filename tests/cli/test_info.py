from __future__ import annotations

import pytest


def test_a_model_is_described_with_its_card(voxpot):
    out = voxpot("info", "tiny.safetensors").out

    for part in ("Mo Ta W", "5 Å", "16³ voxels of 0.75 Å", "steerable", "6,912", "random weights, for tests"):
        assert part in out


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
