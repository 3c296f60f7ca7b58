"""Tests: ``laws`` holds what must be true of every backend, network and potential."""
