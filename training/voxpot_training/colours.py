"""The colours of all pictures of the family: what is drawn, what it is about, what stands behind."""

from __future__ import annotations

__all__ = ["ACCENT", "INK", "PALE"]

INK, ACCENT, PALE = "#2c3e50", "#c0392b", "#9aa5b1"
