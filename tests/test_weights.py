"""Model files: a round trip changes nothing, and what is not sound is not believed."""

from __future__ import annotations

import dataclasses
import json
import pickle
import struct
import subprocess
import sys

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from safetensors.torch import load, save

from ase_voxpot import weights
from ase_voxpot.errors import ArchitectureError, ChecksumError, SchemaError, WeightsError
from ase_voxpot.potential import Potential
from ase_voxpot.spec import SteerableSpec, encode
from ase_voxpot.storage.sealed import read_arrays
from ase_voxpot.weights import find_model, load_potential, read_header, save_potential, shipped_models
from tests.models import CALIBRATION, made_certain, seeded, specification


@pytest.fixture(params=["steerable", "plain", "dense"])
def kind(request):
    return request.param


@pytest.fixture
def file(potential_of, tmp_path):
    return save_potential(potential_of("dense"), tmp_path / "model.safetensors", card={"data": "none"})


def rewritten(path, **changes):
    """The file with other entries in its header; ``None`` takes one out."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    metadata = json.loads(content[8 : 8 + length])["__metadata__"] | changes
    path.write_bytes(save(load(content), {k: v for k, v in metadata.items() if v is not None}))
    return path


OLD = {
    "grid": {"n": 16, "spacing": 0.75, "width": 1.4, "cutoff": 5.0, "shells": 8, "lift": None},
    "network": {"kind": "steerable", "degree": 4, "filter_width": 1.0, "channels": 8, "products": 6, "hidden": [16]},
}
"""The potential of ``tests.models`` as schema 1 and 2 described it."""


@pytest.mark.parametrize("schema", ["1", "2"])
def test_files_of_older_schemas_give_the_same_energies(potential_of, crystal, tmp_path, schema):
    potential = potential_of("steerable")
    path = save_potential(potential, tmp_path / "model.safetensors")
    spec = {k: v for k, v in encode(potential.spec).items() if k not in ("descriptor", "network")} | OLD
    header = {"spec": json.dumps(spec)}
    rewritten(path, schema=schema, checksum=weights._seal(header, read_arrays(path)), **header)

    loaded = load_potential(path, device="cpu", dtype="float64")

    assert loaded.spec.descriptor.narrowing == pytest.approx(1 / (1.4**2 + 1.0**2))
    expected, actual = potential.evaluate(crystal), loaded.evaluate(crystal)
    np.testing.assert_allclose(actual.energies, expected.energies, rtol=1e-12)


def test_a_round_trip_changes_nothing(potential_of, crystal, tmp_path, kind):
    potential = potential_of(kind)

    loaded = load_potential(
        save_potential(potential, tmp_path / "new" / "model.safetensors"), device="cpu", dtype="float64"
    )

    assert loaded.spec == potential.spec
    expected, actual = potential.evaluate(crystal), loaded.evaluate(crystal)
    assert actual.energy == expected.energy
    assert_array_equal(actual.forces, expected.forces)


def test_precision_and_route_are_chosen_at_loading(potential_of, tmp_path):
    path = save_potential(potential_of("steerable"), tmp_path / "model.safetensors")

    loaded = load_potential(path, device="cpu", route="voxels")

    assert loaded.route == "voxels"
    assert loaded.dtype == np.float32
    assert all(p.dtype == torch.float32 for p in loaded.network.parameters())


def test_the_header_tells_what_is_inside(file, potential_of):
    header = read_header(file)

    assert header["spec"] == potential_of("dense").spec
    assert header["card"] == {"data": "none"}
    assert len(header["checksum"]) == 64


def test_a_file_appears_whole(file):
    assert [p.name for p in file.parent.iterdir()] == ["model.safetensors"]


def test_a_file_is_replaced_whole(file, potential_of):
    save_potential(potential_of("plain"), file)

    assert load_potential(file, device="cpu").spec.network.kind == "plain"


def test_a_failed_save_leaves_the_old_file(file, potential_of):
    before = file.read_bytes()

    with pytest.raises(TypeError):
        save_potential(potential_of("plain"), file, card={"bad": object()})

    assert file.read_bytes() == before


def test_files_hold_nothing_that_runs(file):
    with pytest.raises(pickle.UnpicklingError):
        pickle.loads(file.read_bytes())


def test_missing_files_are_refused_with_the_names_of_shipped_models(tmp_path):
    for model in (tmp_path / "absent.safetensors", "no-such-model", tmp_path):
        with pytest.raises(WeightsError, match="expected the name of a shipped model .* or the path of a .safetensors"):
            load_potential(model)


def test_unreadable_files_are_refused(tmp_path):
    with pytest.raises(WeightsError, match="cannot be read"):
        read_header(tmp_path / "absent.safetensors")


def test_one_flipped_bit_is_noticed(file):
    content = bytearray(file.read_bytes())
    content[-5] ^= 1
    file.write_bytes(content)

    with pytest.raises(ChecksumError, match="the stored numbers do not match their checksum; fetch or train"):
        load_potential(file)


@pytest.mark.parametrize("left", [0, 5, 40, -1, -1000])
def test_truncated_files_are_refused(file, left):
    file.write_bytes(file.read_bytes()[:left])

    with pytest.raises((SchemaError, ChecksumError), match="expected a weight file|the file is damaged"):
        load_potential(file)


@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps({"weights": np.ones(3)}),
        b"PK\x03\x04 a zip file such as torch.save writes" * 10,
        b"model:\n  n: 3\n",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 4) + b"\xff\xfe\xfd\xfc",
        struct.pack("<Q", 20) + b'{"__metadata__": 123}',
        struct.pack("<Q", 200_000) + b"[" * 200_000,
    ],
    ids=["pickle", "zip", "text", "list", "binary", "odd metadata", "brackets"],
)
def test_foreign_files_are_refused(tmp_path, content):
    path = tmp_path / "foreign.safetensors"
    path.write_bytes(content)

    with pytest.raises(SchemaError, match=r"expected a weight file of ase-voxpot \(safetensors\), got"):
        load_potential(path)


def test_deep_brackets_are_refused_however_deep_python_may_go(tmp_path):
    """Other packages raise the limit; the recursion of json would then end the process."""
    path = tmp_path / "deep.safetensors"
    path.write_bytes(struct.pack("<Q", 400_000) + b'{"":' * 100_000)
    code = f"""
import sys
from ase_voxpot.errors import SchemaError
from ase_voxpot.weights import load_potential
sys.setrecursionlimit(10**6)
try:
    load_potential({str(path)!r})
except SchemaError:
    print("refused")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.stdout == "refused\n"


def test_safetensors_of_others_are_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    path.write_bytes(save({"w": torch.ones(3)}, {"format": "pt"}))

    with pytest.raises(SchemaError, match="got a safetensors file from elsewhere"):
        load_potential(path)


@pytest.mark.parametrize("schema", ["4", "one", None])
def test_other_schemas_are_refused(file, schema):
    with pytest.raises(SchemaError, match=f"expected schema 1 or 2 or 3, got {schema}; update ase-voxpot"):
        load_potential(rewritten(file, schema=schema))


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        (None, "'spec'"),
        ("{", "Expecting property name"),
        ("{}", "spec: missing key 'species'"),
        (json.dumps(encode(specification("dense")) | {"colour": 1}), "spec: unknown key 'colour'"),
        (json.dumps(encode(specification("dense")) | {"species": ["Mo", "Mo", "W"]}), "species must be distinct"),
    ],
)
def test_descriptions_that_cannot_be_used_are_refused(file, spec, sentence):
    with pytest.raises(SchemaError, match=f"its description of the model cannot be used .*{sentence}"):
        load_potential(rewritten(file, spec=spec))


def test_tensors_of_another_architecture_are_refused(file):
    with pytest.raises(ArchitectureError, match="the weights of another network than 'plain' as its spec describes it"):
        load_potential(rewritten(file, spec=json.dumps(encode(specification("plain")))))


def test_tensors_of_another_precision_are_refused(file):
    content = file.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    metadata = json.loads(content[8 : 8 + length])["__metadata__"]
    file.write_bytes(save({k: v.bfloat16() for k, v in load(content).items()}, metadata))

    with pytest.raises(ArchitectureError, match=r"in float32 or float64, got bfloat16"):
        load_potential(file)


def test_a_card_that_is_no_table_is_refused(file):
    with pytest.raises(SchemaError, match="card: expected a table"):
        load_potential(rewritten(file, card="[1, 2]"))


def test_tensors_of_another_size_are_refused_with_the_first_of_them():
    small = seeded(specification("steerable"))
    spec = specification("steerable", network=dataclasses.replace(small.spec.network, channels=9))

    with pytest.raises(ArchitectureError, match=r"holds .* \(first difference: dense.weights.0\)"):
        Potential(spec, arrays=small.arrays())


def test_shipped_models_are_found_by_name(potential_of, tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "SHIPPED", tmp_path)
    save_potential(potential_of("dense"), tmp_path / "tiny.safetensors")

    assert shipped_models() == ["tiny"]
    assert find_model("tiny") == tmp_path / "tiny.safetensors"
    assert load_potential("tiny", device="cpu").spec == potential_of("dense").spec


@pytest.mark.parametrize("name", shipped_models())
def test_shipped_models_load_and_carry_a_card(name):
    potential = load_potential(name, device="cpu")

    assert isinstance(potential.spec.network, SteerableSpec)
    assert read_header(find_model(name))["card"]


def test_a_changed_spec_is_noticed(file):
    """A number in the header weighs as much as one in the tensors."""
    content = file.read_bytes()
    old, new = (f'\\"zbl_outer\\": {x}'.encode() for x in (2.2, 2.1))
    assert content.count(old) == 1
    file.write_bytes(content.replace(old, new))

    with pytest.raises(ChecksumError, match="do not match their checksum"):
        load_potential(file, device="cpu")


class TestUncertainty:
    """Schema 2: the same network, and how far to trust it."""

    @pytest.fixture
    def certain(self):
        return made_certain(seeded(specification("steerable"), dtype="float64"))

    @pytest.fixture
    def path(self, certain, tmp_path):
        return save_potential(certain, tmp_path / "certain.safetensors", card={"data": "none"})

    def test_it_comes_back(self, certain, path, crystal):
        loaded = load_potential(path, device="cpu", dtype="float64")

        assert read_header(path)["uncertainty"] == CALIBRATION == loaded.uncertainty.calibration
        expected, actual = (p.evaluate(crystal, uncertainty=True) for p in (certain, loaded))
        assert actual.energy == expected.energy
        np.testing.assert_allclose(actual.uncertainty.energy, expected.uncertainty.energy, rtol=1e-4)
        np.testing.assert_allclose(actual.uncertainty.forces, expected.uncertainty.forces, rtol=1e-5)

    def test_readers_of_older_schemas_are_told(self, file, path):
        """They would take the tensors for those of another network."""
        for written in (file, path):
            assert b'"schema":"3"' in written.read_bytes()[:20_000].replace(b": ", b":")
        assert read_header(file)["uncertainty"] is None

    def test_a_file_from_before_a_number_was_known_is_still_whole(self, certain, path, crystal, monkeypatch):
        """What is stored was summed as it is stored; what it lacks has its default."""
        older = {k: v for k, v in encode(CALIBRATION).items() if k not in ("energy_scale", "energy_power")}
        monkeypatch.setattr("ase_voxpot.weights.encode", lambda v: older if v is CALIBRATION else encode(v))
        save_potential(certain, path)
        monkeypatch.undo()

        loaded = load_potential(path, device="cpu", dtype="float64")

        assert loaded.uncertainty.calibration == CALIBRATION
        assert loaded.evaluate(crystal).energy == certain.evaluate(crystal).energy

    def test_a_changed_limit_is_noticed(self, path):
        content = path.read_bytes()
        old, new = (f'\\"energy_limit\\": {x}'.encode() for x in ("0.02", "0.09"))
        assert content.count(old) == 1
        path.write_bytes(content.replace(old, new))

        with pytest.raises(ChecksumError, match="do not match their checksum"):
            load_potential(path, device="cpu")

    def test_a_calibration_that_makes_no_sense_is_refused(self, path):
        with pytest.raises(SchemaError, match="cannot be used .*uncertainty: missing key"):
            load_potential(rewritten(path, uncertainty='{"energy_limit": 1.0}'))

    def test_matrices_without_a_calibration_are_noticed(self, path):
        with pytest.raises(ChecksumError):
            load_potential(rewritten(path, uncertainty=None), device="cpu")

    def test_an_uncertainty_of_another_network_is_refused(self, certain, tmp_path):
        small = specification("steerable", network=dataclasses.replace(certain.spec.network, hidden=(7,)))
        other = seeded(small, dtype="float64")
        other.uncertainty = certain.uncertainty

        with pytest.raises(ArchitectureError, match="an uncertainty over 3 species with 8 inputs each"):
            load_potential(save_potential(other, tmp_path / "odd.safetensors"), device="cpu")
