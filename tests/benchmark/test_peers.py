from __future__ import annotations

import pytest
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones

from ase_voxpot.benchmark.peers import Peer
from ase_voxpot.errors import ConfigError


def test_a_module_makes_a_calculator():
    assert isinstance(Peer.parse("mine=ase.calculators.emt:EMT").make(), EMT)


def test_a_file_makes_a_calculator_with_an_argument(tmp_path):
    path = tmp_path / "made.py"
    path.write_text(
        "from ase.calculators.lj import LennardJones\ndef make(name):\n    return LennardJones(label=name)\n"
    )
    peer = Peer.parse(f"{path}:make:argon")

    assert peer.name == "argon"
    assert isinstance(peer.make(), LennardJones)


@pytest.mark.parametrize("text", ["", "module", "=a:b", "a:", ":b", "x=", "a:b:c:d", "a:b:"])
def test_other_texts_are_refused(text):
    with pytest.raises(ConfigError, match=r"peer: expected \[NAME=\]module:factory"):
        Peer.parse(text)


@pytest.mark.parametrize(
    "text", ["no_such_module:make", "nothing.py:make", "ase.calculators.emt:Nothing", "sys:exit:no"]
)
def test_a_peer_that_cannot_be_made_says_why(text):
    with pytest.raises(ConfigError, match=r"peer \w+: cannot be made \((ModuleNotFound|FileNotFound|Attribute|System)"):
        Peer.parse(text).make()
