"""Twins by text to audio: one denoising loop, a file per family of models."""
