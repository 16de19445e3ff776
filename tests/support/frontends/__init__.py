"""Frontends for tests."""
