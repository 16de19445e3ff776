"""Losses that pull embeddings of one class together: heads that are trained with a network and left behind."""
