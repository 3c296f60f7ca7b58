"""Colours of all figures."""

from __future__ import annotations

__all__ = ["ACCENT", "INK", "PALE"]

INK, ACCENT, PALE = "#2c3e50", "#c0392b", "#9aa5b1"
