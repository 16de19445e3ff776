"""Fault mechanisms, one a file: what physics does to a sound. The faults themselves stand in prompts/faults.yaml."""
