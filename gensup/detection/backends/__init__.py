"""Vectors to scores: a file a back end."""
