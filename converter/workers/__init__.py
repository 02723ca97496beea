"""Child processes: the only ones that import TensorFlow or LiteRT."""
