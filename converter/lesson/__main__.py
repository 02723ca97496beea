"""Prints every number that the exercises in docs/teaching.md use: `python -m converter.lesson`."""

from __future__ import annotations

from converter.lesson.accumulation import FLOAT16, ORDERS, accumulate
from converter.lesson.calibration import COUNTS, calibrate_activations, right_by_count
from converter.lesson.model import EVALUATION, accuracy, load_digits, load_layers
from converter.lesson.outcome import float_scores
from converter.lesson.weights import add_outlier, quantize_weights

_DEPTHWISE, _LAST_CONVOLUTION, _LAST = 5, 8, 9


def main() -> None:
    """Print the figures of the four steps on the bundled model."""
    _, digits = load_digits()
    print(f"float32: {accuracy(float_scores(), digits[:EVALUATION]):.1%} of {EVALUATION} digits")
    _print_weights()
    _print_calibration()
    _print_outlier()
    _print_sums()


def _print_weights() -> None:
    layer = load_layers()[_DEPTHWISE]
    print(f"1. weights of layer 6 (depthwise), {layer.weights.min():.2f} to "
          f"{layer.weights.max():.2f}")
    for symmetric in (False, True):
        print("   zero stored as 0" if symmetric else "   minimum to maximum")
        for per_channel in (False, True):
            for bits in (8, 4, 2):
                found = quantize_weights(
                    _DEPTHWISE, bits, 3, per_channel=per_channel, symmetric=symmetric
                )
                how = "a scale a channel" if per_channel else "one scale"
                grid = "" if per_channel else (
                    f", step {float(found.grid.scales):.4g}, zero point "
                    f"{int(found.grid.zero_points)}")
                print(f"      {bits} bits, {how}: SQNR {found.sqnr_db:.1f} dB, "
                      f"{found.accuracy[1]:.1%}{grid}")
    for part in (1.5, 1.0, 0.5, 0.2):
        found = quantize_weights(
            _DEPTHWISE, 8, 3, parts=(part, part), per_channel=False, symmetric=False
        )
        print(f"   one scale, range times {part:g}: {found.clipped:.2%} clipped, SQNR "
              f"{found.sqnr_db:.1f} dB, {found.accuracy[1]:.1%}")


def _print_calibration() -> None:
    print("2. what layer 10 (the last) gives, 8 bits, every layer quantized")
    for samples in COUNTS:
        found = calibrate_activations(_LAST, samples, 8, 3, whole=True)
        print(f"   {samples} samples: {found.clipped:.2%} clipped, SQNR {found.sqnr_db:.1f} dB, "
              f"{found.accuracy[1]:.1%}")
    for ink in (0.5, 0.4, 0.3):
        right = right_by_count(_LAST, 8, ink=ink, whole=True)
        told = ", ".join(f"{count}: {share:.1%}" for count, share in right.items())
        print(f"   at {ink:.0%} of the ink, by samples: {told}")


def _print_outlier() -> None:
    weights = load_layers()[_LAST_CONVOLUTION].weights.size
    print(f"3. weights of layer 9 ({weights:,}), 4 bits, the largest grown 20 times")
    for clip in (100.0, 99.9):
        found = add_outlier(_LAST_CONVOLUTION, 20.0, 4, 3, clip=clip)
        step = float(found.grid.scales)
        print(f"   clip at {clip:g} %: step {step:.4g}, {found.accuracy[1]:.1%}")


def _print_sums() -> None:
    sums = accumulate(3, 3)
    print(f"4. output 3 of sample 3: {len(sums.products)} products, the largest "
          f"{int(abs(sums.products).max()):,}")
    for order in ORDERS:
        found = accumulate(3, 3, order)
        print(f"   {order}")
        for name, values in found.sums.items():
            whole = "" if name == FLOAT16 else f"{int(values[-1]):,} = "
            off = (f", {found.rounding[-1]:+.4f} off {found.exact[-1]:.4f}, at most "
                   f"{abs(found.rounding).max():.4f} on the way" if name == FLOAT16 else "")
            print(f"      {name}: {whole}{found.real(name)[-1]:.4f}, reads {found.tops[name]}, "
                  f"{found.accuracy[name]:.1%}{off}")


if __name__ == "__main__":
    main()
