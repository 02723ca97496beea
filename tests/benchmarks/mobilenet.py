"""MobileNetV2 with random weights: none can be downloaded, and it takes as long."""

import subprocess
import sys

PIXELS = (96, 224)
"""Sides of the images: of a microcontroller's camera, and as the model was published."""
_MAKE = """
import keras, numpy as np, sys
keras.utils.set_random_seed(0)
pixels = int(sys.argv[1])
model = keras.applications.MobileNetV2((pixels, pixels, 3), weights=None, classes=1000)
x = np.random.default_rng(0).random((256, pixels, pixels, 3), np.float32)
# Batch normalization as after training: without its statistics all outputs are alike.
model.compile("sgd", "sparse_categorical_crossentropy")
model.fit(x[:64], np.arange(64), batch_size=16, epochs=2, verbose=0)
model.save(sys.argv[2])
np.savez(sys.argv[3], x=x)
"""


def make_mobilenet(folder, pixels):
    """Write the model and 256 samples; return both paths."""
    model, data = folder / f"mobilenet_v2_{pixels}.keras", folder / f"mobilenet_v2_{pixels}.npz"
    subprocess.run(
        [sys.executable, "-c", _MAKE, str(pixels), model, data], check=True, capture_output=True
    )
    return model, data
