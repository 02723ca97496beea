"""What each preset does, in a sentence for a person who chooses."""

from __future__ import annotations

EXPLANATIONS = {
    "float32": "Keeps every number as it is and only changes the file format: the honest baseline.",
    "dynamic_range": "Stores weights as 8-bit integers; activations stay float between operators "
    "and are quantized on the fly inside them: up to four times smaller, no data needed.",
    "float16": "Stores weights as 16-bit floats: half the size, hardly any drift; on a CPU they "
    "are widened again, so it is not faster there.",
    "int8": "Weights and activations as 8-bit integers, with float inputs and outputs and float "
    "fallback for operators that have no integer kernel; needs calibration samples.",
    "int8_full": "8-bit integers from input to output and nothing else, as microcontrollers and "
    "NPUs demand; conversion fails if an operator has no integer kernel.",
    "int16x8": "16-bit activations with 8-bit weights: near int8's size and usually with less "
    "drift, but often slow on CPUs because few kernels are optimized for it.",
    "as_given": "The file itself, measured as it is.",
    "int8_weight_only": "Stores weights as 8-bit integers and widens them again before computing: "
    "as small as dynamic range and closer to the original, but no faster.",
    "int4_weight_only": "Stores weights of dense and convolution layers as 4-bit integers and "
    "widens them again before computing: up to eight times smaller, with visible drift.",
    "int4_dynamic_range": "Stores weights of dense and convolution layers as 4-bit integers; "
    "activations are quantized on the fly inside the operators.",
    "int8x4": "8-bit activations with 4-bit weights in dense and convolution layers; needs "
    "calibration samples.",
    "int8_octav": "As int8, with scales of weights that cut rare large ones off where that lowers "
    "the error (OCTAV).",
    "int4_mse": "4-bit weights, each scale searched for the least squared error; dense and "
    "convolution layers.",
    "int4_octav": "4-bit weights with scales that cut rare large ones off where that lowers the "
    "error (OCTAV).",
    "int4_gptq": "4-bit weights, in dense layers rounded one after the other so that later ones "
    "make up for the error of earlier ones on the calibration samples (GPTQ).",
    "int4_oscar": "4-bit weights, in dense layers scaled and cut off by how strongly the "
    "calibration samples use each input (OSCAR); adds a multiplication to each.",
    "int4_hadamard": "4-bit weights, in dense layers rotated first so that none stands out; the "
    "rotation is stored as well, which makes a small model larger.",
    "int4_blocks": "4-bit weights, in dense layers with a scale for each 32 of a row; refused "
    "where a row is no multiple of 32.",
    "int2_dynamic_range": "2-bit weights: four values each, mostly useless without training for "
    "it.",
    "float32_select_tf": "Keeps operators that TFLite lacks as TensorFlow operators; the file "
    "needs a runtime with the Flex delegate, so it cannot be run here.",
}
