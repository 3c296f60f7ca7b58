"""Molecular dynamics and relaxation: integrators, runs, records and trajectories, and the guard that stops a run."""
