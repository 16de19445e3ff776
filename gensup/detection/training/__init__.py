"""Frontends trained on normal clips: what a step is made of, and where what came of it is kept."""
