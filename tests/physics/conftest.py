from tests.properties.conftest import bcc, fcc, springs, two_shells

__all__ = ["bcc", "fcc", "springs", "two_shells"]
