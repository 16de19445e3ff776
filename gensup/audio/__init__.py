"""Sounds: files into arrays, arrays into features and profiles. Knows neither DCASE nor conditions nor detectors."""
