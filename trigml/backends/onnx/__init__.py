"""Graph → QONNX, and the float reference → ONNX."""
