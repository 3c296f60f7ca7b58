"""Figures and their style; tables and progress bars in the terminal."""
