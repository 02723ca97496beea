"""Prints every number that the exercises in docs/teaching.md use: `python -m converter.lesson`."""

from __future__ import annotations

from converter.lesson.model import EVALUATION, accuracy, load_digits, load_layers
from converter.lesson.steps import (
    CALIBRATION,
    accumulate,
    add_outlier,
    calibrate_activations,
    float_scores,
    quantize_weights,
)

_DEPTHWISE, _LAST_CONVOLUTION, _LAST = 5, 8, 9


def main() -> None:
    """Print the figures of the six steps with the settings that they begin with."""
    _, digits = load_digits()
    print(f"float32: {accuracy(float_scores(), digits[:EVALUATION]):.1%} of {EVALUATION} digits")
    print("1. weights of layer 6 (depthwise)")
    for per_channel in (False, True):
        for bits in (8, 4, 2):
            found = quantize_weights(_DEPTHWISE, bits, 1.0, 3, per_channel=per_channel)
            how = "a scale a channel" if per_channel else "one scale"
            print(f"   {bits} bits, {how}: SQNR {found.sqnr_db:.1f} dB, {found.accuracy[1]:.1%}")
    print("2. what layer 10 (the last) gives, 8 bits")
    for samples in CALIBRATION:
        found = calibrate_activations(_LAST, samples, 8, 3)
        print(f"   {samples} samples: {found.clipped:.2%} clipped, SQNR {found.sqnr_db:.1f} dB")
    weights = load_layers()[_LAST_CONVOLUTION].weights.size
    print(f"3. weights of layer 9 ({weights:,}), 4 bits, the largest grown 20 times")
    for clip in (100.0, 99.9):
        found = add_outlier(_LAST_CONVOLUTION, 20.0, 4, 3, clip=clip)
        step = float(found.grid.scales)
        print(f"   clip at {clip:g} %: step {step:.4g}, {found.accuracy[1]:.1%}")
    sums = accumulate(3, 3)
    print(f"4. output 3 of sample 3: {len(sums.products)} products, the largest "
          f"{int(abs(sums.products).max()):,}")
    for name, values in sums.sums.items():
        print(f"   {name}: {int(values[-1]):,} = {int(values[-1]) * sums.scale:.3f}")


if __name__ == "__main__":
    main()
