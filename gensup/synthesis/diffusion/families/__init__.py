"""Families of text-to-audio models: a class each, whose ``name`` is what --generator is given."""
