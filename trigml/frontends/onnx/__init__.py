"""How ONNX files with quantisers are read, node by node."""
