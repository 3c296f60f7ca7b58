"""Tests: ``laws`` holds what must be true of every backend, network and potential."""

from tests.shapes import check_shapes

check_shapes()
