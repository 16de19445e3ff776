"""Tokens to one vector a clip: a file a pooling."""
