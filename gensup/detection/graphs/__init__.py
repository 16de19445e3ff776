"""Detectors as graphs of torch that ONNX can say: waveform in, score out. Alone in the package, it loads torch."""
