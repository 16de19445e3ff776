"""Clips with provenance: orders become twins, a normal clip and the same clip with a fault. Scores nothing."""
