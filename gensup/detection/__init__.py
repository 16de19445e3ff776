"""Fit and score examples. What a clip is called, and whether it was ever recorded, is not known here."""
