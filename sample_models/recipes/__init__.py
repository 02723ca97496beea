"""How each sample model is trained: one module per data set, plus the packing they share."""

import os

# Set before TensorFlow is first imported. The samples are small, and a GPU would make a rebuild
# give other numbers than the ones in the cards.
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
