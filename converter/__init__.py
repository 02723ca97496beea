"""LiteDrift's domain: from a TensorFlow model file to a comparison of its TFLite variants."""
