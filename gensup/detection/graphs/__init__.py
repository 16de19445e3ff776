"""Detectors as graphs that ONNX can say: modules of torch of every part, the exporter, and the file with its pair."""
