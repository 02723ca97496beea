"""The lesson's arithmetic, on the real tensors of a bundled model; NumPy alone."""
