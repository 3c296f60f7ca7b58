"""``python -m voxpot_training CONFIG``: what ``torchrun`` starts; else use ``voxpot train``."""

from __future__ import annotations

import sys

from ase_voxpot.cli import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
