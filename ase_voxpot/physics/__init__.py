"""The bench of materials physics, its references and pictures, and checks of invariance."""
