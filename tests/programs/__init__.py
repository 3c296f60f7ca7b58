"""Other programs with the potential inside, beside ASE; ``python -m tests.programs`` prints the differences."""
