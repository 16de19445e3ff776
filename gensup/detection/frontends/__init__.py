"""Clips to tokens: a file a frontend."""
