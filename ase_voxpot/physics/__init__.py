"""Benchmark of materials properties with references and plots, and checks of invariance."""
