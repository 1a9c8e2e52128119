"""From a spec to trained Keras models: float reference and QKeras."""
