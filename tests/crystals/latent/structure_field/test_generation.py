"""New crystals from a small model, and what the command makes of them."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from ase.io import read, write
from numpy.testing import assert_allclose

from ase_voxpot.cli import main
from ase_voxpot.errors import ArchitectureError, ConfigError, WeightsError
from tests.crystals.latent.structure_field.crystals import some_crystals
from voxpot_crystals.latent.decoded import Decoded
from voxpot_crystals.latent.priors import PriorConfig, VelocitySpec, fit_priors
from voxpot_crystals.latent.structure_field.codec import Codec, CodecSpec, load_codec, make_field, save_codec
from voxpot_crystals.latent.structure_field.flow import FlowSpec
from voxpot_crystals.latent.structure_field.generation import load_generator, train_conditions
from voxpot_crystals.latent.structure_field.periodic import PeriodicSpec
from voxpot_crystals.regression import predict
from voxpot_training.artifacts import kind_of, save_artifact
from voxpot_training.config import Schedule

SPEC = PeriodicSpec(species=("Na", "Cl", "K"), most=8, latent=16, width=16, layers=2, state=16, pooled=16)
CONFIG = PriorConfig(velocity=VelocitySpec(width=16, blocks=1, steps=4), schedule=Schedule(epochs=1), holdout=0.3)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model file with random networks, and priors of the latent vectors that they make."""
    folder = tmp_path_factory.mktemp("model")
    torch.manual_seed(0)
    codec = Codec(CodecSpec(model=SPEC, flow=FlowSpec(steps=2)), make_field(SPEC).eval(), {})
    crystals = some_crystals()
    latent = codec.encode(codec.see(crystals))
    conditions = train_conditions(crystals)
    table = conditions.table(crystals)
    priors, _ = fit_priors(latent, table, conditions, CONFIG, folder / "prior", seed=0, quiet=True)
    save_codec(folder / "bare.safetensors", codec)
    save_codec(folder / "small.safetensors", replace(codec, priors=priors))
    return folder / "small.safetensors"


@pytest.fixture
def decoder(monkeypatch):
    """Decodes in place of those of random networks: salt of an edge that the latent vector sets."""

    def install(fails=lambda latent: False):
        def decode(self, latent, **options):
            if fails(latent):
                return Decoded(None, "no atom")
            return Decoded(bulk("NaCl", "cesiumchloride", a=3.5 + 0.1 * np.tanh(latent[0])))

        monkeypatch.setattr(Codec, "decode", decode)

    return install


def run(*arguments):
    return main(["generate", *map(str, arguments)])


def test_model_files_hold_their_priors(model):
    codec = load_codec(model)

    assert codec.priors is not None
    assert set(codec.priors.known) == {"gaussian", "flow"}
    assert codec.spec.prior.conditions.elements == ("Na", "Cl", "K")
    seen = codec.see(some_crystals())
    bare = load_codec(model.with_name("bare.safetensors"))
    assert bare.priors is None
    assert_allclose(codec.encode(seen), bare.encode(seen))


def test_priors_of_another_latent_space_are_refused(model, tmp_path):
    codec = load_codec(model)
    other = Codec(
        replace(codec.spec, model=replace(SPEC, latent=8)), make_field(replace(SPEC, latent=8)), {}, codec.priors
    )
    save_codec(tmp_path / "other.safetensors", other)

    with pytest.raises(ArchitectureError, match="another model"):
        load_codec(tmp_path / "other.safetensors")


def test_a_model_without_priors_says_so(model, tmp_path, capsys):
    bare = model.with_name("bare.safetensors")
    with pytest.raises(WeightsError, match="without"):
        load_generator(bare).sample(1, rng=np.random.default_rng(0))
    assert run("-m", bare, "-o", tmp_path / "o.extxyz") == 2
    assert "priors" in capsys.readouterr().err


def test_overlapping_atoms_are_no_crystal(model, monkeypatch):
    close = bulk("NaCl", "cesiumchloride", a=3.5)
    close.positions[1] = [0.3, 0, 0]
    monkeypatch.setattr(Codec, "decode", lambda self, latent, **options: Decoded(close))

    (found,) = load_generator(model).sample(1, rng=np.random.default_rng(0))

    assert found == Decoded(None, "overlapping atoms")


def test_a_way_begins_and_ends_with_what_the_ends_decode_to(model, decoder):
    decoder()
    generator, crystals = load_generator(model), some_crystals()
    latent = generator.codec.encode(generator.codec.see(crystals[:2]))

    way = generator.interpolate(*crystals[:2], 5)

    edges = [3.5 + 0.1 * np.tanh((1 - t) * latent[0, 0] + t * latent[1, 0]) for t in (0, 0.25, 0.5, 0.75, 1)]
    assert_allclose([d.atoms.cell[0, 0] for d in way], edges, atol=1e-6)
    with pytest.raises(ConfigError, match="two or more"):
        generator.interpolate(*crystals[:2], 1)


@pytest.mark.parametrize("prior", ["gaussian", "flow"])
def test_generate_writes_numbered_crystals_that_follow_the_seed(model, tmp_path, decoder, prior, capsys):
    decoder()
    arguments = ("-m", model, "-n", 20, "--prior", prior, "--json", tmp_path / "f.json", "--plot", tmp_path / "p.png")

    assert run(*arguments, "-o", tmp_path / "a.extxyz") == 0

    made = read(tmp_path / "a.extxyz", ":")
    assert [a.info["index"] for a in made] == list(range(20))
    assert {a.info["source"] for a in made} == {f"generated by {model}"}
    figures = json.loads((tmp_path / "f.json").read_text())
    assert (figures["made"], figures["tried"], figures["failed"]) == (20, 20, {})
    assert (tmp_path / "p.png").is_file()
    assert "20 crystals from 20 decodes; none failed" in capsys.readouterr().out
    edges = {"first": [a.cell[0, 0] for a in made]}
    for name, extra in (("again", ()), ("other", ("--seed", 1))):
        assert run("-m", model, "-n", 20, "--prior", prior, "-o", tmp_path / "b.extxyz", *extra) == 0
        edges[name] = [a.cell[0, 0] for a in read(tmp_path / "b.extxyz", ":")]
    assert edges["again"] == edges["first"] != edges["other"]


def test_failed_draws_are_counted_and_drawn_again(model, tmp_path, decoder, capsys):
    calls = []
    decoder(lambda latent: calls.append(1) or len(calls) % 2 == 0)

    assert run("-m", model, "-n", 6, "-o", tmp_path / "a.extxyz") == 0

    assert len(read(tmp_path / "a.extxyz", ":")) == 6
    assert len(calls) == 11 or len(calls) == 12
    assert "no atom)" in capsys.readouterr().out


def test_patience_ends(model, tmp_path, decoder, capsys):
    decoder(lambda latent: True)

    assert run("-m", model, "-n", 6, "-o", tmp_path / "a.extxyz", "--json", tmp_path / "f.json") == 0

    assert "0 crystals from 30 decodes, fewer than the 6 asked for; 30 failed (30 no atom)" in capsys.readouterr().out
    assert json.loads((tmp_path / "f.json").read_text())["failed"] == {"no atom": 30}


def test_what_was_asked_stands_beside_what_came(model, tmp_path, decoder, capsys):
    decoder()
    options = ("-c", "elements=Na,Cl", "-c", "volume_per_atom=22", "--json", tmp_path / "f.json")

    assert run("-m", model, "-n", 3, "-o", tmp_path / "a.extxyz", *options) == 0

    kept = json.loads((tmp_path / "f.json").read_text())["kept"]
    assert kept["elements"] == {"asked": "Na,Cl", "share": 1.0}
    assert kept["volume_per_atom"]["mean"] == pytest.approx(21.4, abs=2)
    assert "100 % have them" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("-c", "elements=W"), "got W"),
        (("-c", "volume_per_atom=1"), "range of the training crystals; got 1"),
        (("-c", "energy=1"), "name of atoms, volume_per_atom"),
        (("--prior", "vae"), "gaussian, flow, got 'vae'"),
        (("--seed", "-1"), "seed"),
        (("-n", "0"), "greater than or equal to 1"),
        (("--between", "x.extxyz", "--prior", "flow"), "between"),
        (("--between", "nowhere.extxyz"), "nowhere.extxyz"),
        (("--plot", "new.foo"), "ends in .png, .pdf, .svg"),
    ],
)
def test_what_makes_no_sense_is_refused(model, tmp_path, capsys, options, message):
    assert run("-m", model, "-o", tmp_path / "a.extxyz", *options) == 2

    assert message in capsys.readouterr().err
    assert not (tmp_path / "a.extxyz").exists()


def test_between_goes_from_one_crystal_to_another(model, tmp_path, decoder, capsys):
    decoder()
    write(tmp_path / "two.extxyz", some_crystals()[:2])
    arguments = ("-m", model, "-n", 4, "-o", tmp_path / "a.extxyz", "--between")

    assert run(*arguments, tmp_path / "two.extxyz") == 0
    assert len(read(tmp_path / "a.extxyz", ":")) == 4

    write(tmp_path / "one.extxyz", some_crystals()[:1])
    assert run(*arguments, tmp_path / "one.extxyz") == 2
    assert "two crystals to go between, got 1" in capsys.readouterr().err
    write(tmp_path / "foreign.extxyz", [some_crystals()[0], bulk("W", cubic=True)])
    assert run(*arguments, tmp_path / "foreign.extxyz") == 2
    assert "frame 1" in capsys.readouterr().err


class Calibration:
    """A property model that says the edge, and knows no potassium."""

    card = {"target": {"name": "edge", "unit": "Å"}}

    def predict_each(self, found, *, first, strict, observe):
        refused = {k: "expected other elements" for k, atoms in enumerate(found) if "K" in atoms.get_chemical_symbols()}
        edges = np.array([atoms.cell[0, 0] for atoms in found])
        return predict.Predictions(edges, np.full(len(edges), 0.1), refused)


def test_a_property_model_ranks(model, tmp_path, decoder, monkeypatch, capsys):
    decoder()
    monkeypatch.setattr(predict, "load_predictor", lambda name: Calibration())
    whole, calls = Codec.decode, []

    def decode(self, latent, **options):
        calls.append(1)
        return Decoded(bulk("KCl", "cesiumchloride", a=3.8)) if len(calls) == 2 else whole(self, latent, **options)

    monkeypatch.setattr(Codec, "decode", decode)
    options = ("--rank", "edges", "--json", tmp_path / "f.json", "--plot", tmp_path / "p.png")

    assert run("-m", model, "-n", 5, "-o", tmp_path / "a.extxyz", *options) == 0

    made = read(tmp_path / "a.extxyz", ":")
    edges = [a.cell[0, 0] for a in made[:4]]
    assert edges == sorted(edges)
    assert_allclose([a.info["prediction"] for a in made[:4]], edges, atol=1e-6)
    assert made[4].info["not_predicted"] == "expected other elements"
    assert made[4].info["index"] == 1
    assert len(json.loads((tmp_path / "f.json").read_text())["ranked"]) == 5
    assert "edge by edges, Å" in capsys.readouterr().out


def test_a_potential_relaxes_and_ranks_as_it_does_by_workers(model, tmp_path, monkeypatch, capsys):
    pytest.importorskip("pymatgen")
    for module in ("generate", "measures"):
        monkeypatch.setattr(import_module(f"voxpot_crystals.verbs.{module}"), "PORTION", 2)
    pairs, calls = (("Mo", "Ta"), ("Mo", "W"), ("Nb", "W")), []

    def decode(self, latent, **options):
        calls.append(1)
        return Decoded(Atoms(pairs[len(calls) % 3], scaled_positions=[[0] * 3, [0.5] * 3], cell=[3.2] * 3, pbc=True))

    monkeypatch.setattr(Codec, "decode", decode)
    write(tmp_path / "known.extxyz", bulk("MoTa", "cesiumchloride", a=3.24))
    options = (
        "-m",
        model,
        "-n",
        3,
        "--relax",
        "motaw-fast",
        "--rank",
        "motaw-fast",
        "--known",
        tmp_path / "known.extxyz",
    )

    found = {}
    for workers in (1, 2):
        calls.clear()
        files = ("--json", tmp_path / "f.json", "--plot", tmp_path / "p.png", "-o", tmp_path / "a.extxyz")
        assert run(*options, *files, "--workers", workers) == 0
        found[workers] = (tmp_path / "a.extxyz").read_bytes(), (tmp_path / "f.json").read_bytes()

    assert found[1] == found[2]
    made = read(tmp_path / "a.extxyz", ":")
    assert [str(a.symbols) for a in made] == ["MoW", "MoTa", "NbW"]
    assert made[0].info["energy_above_hull"] == made[0].info["formation_energy"] < 0  # of Mo and W nothing is known
    assert made[1].info["energy_above_hull"] == pytest.approx(0, abs=0.003)  # at rest, the known one nearly so
    assert "Nb" in made[2].info["not_predicted"]
    assert made[2].info["relaxed"].startswith("failed: UnknownElementError")
    assert "1 of 2 more than 1 meV/atom below the hull of the known crystals" in capsys.readouterr().out.replace(
        "\n", " "
    )


def test_what_is_made_is_screened_and_each_crystal_says_how(model, tmp_path, decoder, capsys):
    decoder()

    assert run("-m", model, "-n", 2, "-o", tmp_path / "a.extxyz", "--json", tmp_path / "f.json") == 0

    assert "Screening" in capsys.readouterr().out
    found = json.loads((tmp_path / "f.json").read_text())["screened"]
    assert sum(found.values()) == 2
    assert {a.info["screened"] for a in read(tmp_path / "a.extxyz", ":")} == set(found)


@pytest.mark.parametrize("verb", ["generate", "reconstruct"])
def test_models_of_another_kind_are_named(tmp_path, capsys, verb):
    path = tmp_path / "other.safetensors"
    save_artifact(path, kind="cgcnn", spec={}, card={}, tensors={})
    assert kind_of(path) == "cgcnn"
    write(tmp_path / "in.extxyz", some_crystals()[:1])
    frames = [str(tmp_path / "in.extxyz")] if verb == "reconstruct" else []

    assert main([verb, *frames, "-m", str(path), "-o", str(tmp_path / "o.extxyz")]) == 2

    assert "expected a model of kind structure_field or generative, got 'cgcnn'" in capsys.readouterr().err


def test_what_is_made_is_cleaned_screened_and_relaxed(model, tmp_path, decoder):
    decoder()
    out, figures = tmp_path / "a.extxyz", tmp_path / "f.json"
    options = ("--symprec", 0.1, "--relax", "ase.calculators.lj:LennardJones", "--json", figures, "--seed", 1)
    assert run("-m", model, "-n", 4, "-o", out, *options) == 0
    found, made = json.loads(figures.read_text()), read(out, ":")
    assert found["relaxation"]["crystals"] == len(made) == 4
    assert all("screened" in a.info and "relaxed" in a.info for a in made)
    assert sum(found["screened"].values()) == 4


def test_workers_relax_as_one_process_does(model, tmp_path, decoder, monkeypatch):
    monkeypatch.setattr(import_module("voxpot_crystals.verbs.generate"), "PORTION", 2)
    decoder()
    options = ("-m", model, "-n", 5, "--relax", "ase.calculators.lj:LennardJones", "--json", tmp_path / "f.json")

    found = {}
    for workers in (1, 2):
        assert run(*options, "-o", tmp_path / "a.extxyz", "--workers", workers) == 0
        found[workers] = (tmp_path / "a.extxyz").read_bytes(), (tmp_path / "f.json").read_bytes()

    assert found[1] == found[2]


def test_those_that_pass_are_kept_alone_and_known_ones_are_told(model, tmp_path, decoder):
    pytest.importorskip("pymatgen")
    decoder()
    everything, rest, figures = tmp_path / "a.extxyz", tmp_path / "b.extxyz", tmp_path / "f.json"
    assert run("-m", model, "-n", 4, "-o", everything) == 0
    assert run("-m", model, "-n", 4, "-o", rest, "--known", everything, "--passed", "--json", figures) == 0
    assert "passed" not in json.loads(figures.read_text())["screened"]  # all of them are known now
    assert rest.read_text() == ""


def test_known_crystals_that_are_none_are_counted_and_compared_with_nothing(model, tmp_path, decoder, capsys):
    decoder()
    known = some_crystals()
    known[1].info["occupancy"] = {"0": {"K": 0.5, "Na": 0.5}, "1": {"Cl": 1.0}}
    write(tmp_path / "known.extxyz", known)

    assert run("-m", model, "-n", 2, "-o", tmp_path / "a.extxyz", "--known", tmp_path / "known.extxyz") == 0

    assert "note: 1 of 4 crystals of" in capsys.readouterr().err
    assert run("-m", model, "-n", 2, "-o", tmp_path / "b.extxyz", "--between", tmp_path / "known.extxyz") == 2
    assert "partially occupied" in capsys.readouterr().err
    assert not (tmp_path / "b.extxyz").exists()
