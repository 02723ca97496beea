"""What each flag of each variant really did, what is in the file, and where the file comes from."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from components.audit_words import (
    Reason,
    effect_word,
    operators_sentence,
    other_notes,
    reasons,
    same_sentence,
    types_sentence,
)
from components.format import format_bytes
from components.palette import custom_names, recipe_color
from components.report.tables import failure, variant_absence
from converter.comparison import Audit, Comparison, Variant
from converter.recipe import LITERT_QUANTIZER, Recipe

_TONES = {"yes": "good", "partly": "caution", "no": "plain", "ignored": "bad"}
_MOST_DETAILS = 8_000
"""Characters of a converter's own words: a page of print or two, its beginning."""


@dataclass(frozen=True, kw_only=True)
class Flag:
    """A flag that was asked, what was found, the effect in words, and its tone."""

    asked: str
    found: str
    effect: str
    tone: str


@dataclass(frozen=True, kw_only=True)
class VariantCard:
    """All that is told of one variant beside its figures.

    Attributes:
        name: The recipe's name.
        color: Its colour in the charts, as `#rrggbb`.
        summary: Its size, or why there are no figures.
        failed: Whether it failed.
        error: The reason when it failed; empty otherwise.
        details: The converter's own words when it failed, cut; empty for none.
        origin: Where the file comes from, unless TFLiteConverter made it; empty for none.
        asked: What the recipe asked beyond defaults, in a sentence; empty for a given file.
        flags: What each flag did.
        reasons: Why operators are not integer.
        operators: The operators in the file, in a sentence; empty where none is known.
        notes: The audit's notes.
        hashes: SHA-256 by what it is of.
    """

    name: str
    color: str
    summary: str
    failed: bool
    error: str
    details: str
    origin: str
    asked: str
    flags: list[Flag]
    reasons: list[Reason]
    operators: str
    notes: list[str]
    hashes: dict[str, str] = field(default_factory=dict)


def variant_cards(comparison: Comparison) -> list[VariantCard]:
    """Return a card for each variant, in the order asked."""
    custom = custom_names([variant.recipe for variant in comparison.variants])
    return [_card(variant, recipe_color(variant.recipe, custom)) for variant in comparison.variants]


def _card(variant: Variant, color: str) -> VariantCard:
    failed = variant.status != "ok"
    error = f"Failed: {failure(variant)}" if failed else ""
    parts = [] if failed or variant.size_bytes is None else [format_bytes(variant.size_bytes)]
    if not failed and not variant.runnable:
        parts.append(variant_absence(variant))
    hashes = {"File": variant.sha256, "What it computes": variant.content_sha256}
    return VariantCard(
        name=variant.recipe, color=color, summary=" · ".join(parts), failed=failed, error=error,
        details=_cut(variant.error_details or "") if failed else "", origin=_origin(variant),
        asked=_asked(variant),
        flags=[_flag(entry) for entry in variant.audit.flags], reasons=reasons(variant.audit),
        operators=_operators(variant.audit),
        # Of a failed one the reason stands above already.
        notes=[n for n in other_notes(variant.audit) if not (failed and failure(variant) in n)],
        hashes={of: value for of, value in hashes.items() if value},
    )


def _flag(entry: dict[str, str]) -> Flag:
    effect = str(entry.get("effect", ""))
    return Flag(asked=str(entry.get("flag", "")), found=str(entry.get("found", "")),
                effect=effect_word(effect), tone=_TONES.get(effect, "plain"))


def _origin(variant: Variant) -> str:
    if variant.given_name is not None:
        return (f"Given as {variant.given_name}: nothing was asked of a converter, so there is no "
                "flag to check.")
    if variant.is_original:
        return "The given file itself, unchanged."
    if variant.engine == LITERT_QUANTIZER and variant.status == "ok":
        return "Made from the given file by litert-quantizer."
    return ""


def _asked(variant: Variant) -> str:
    """Return the recipe's flags that are not the converter's own defaults, in a sentence."""
    if not variant.flags:
        return ""
    defaults = {field.name: field.default for field in fields(Recipe)}
    changed = []
    for name, value in variant.flags.items():
        if name == "name" or _plain(value) == _plain(defaults.get(name)):
            continue
        changed.append(f"{name} = {_words(value)}")
    if not changed:
        return "Asked: nothing beyond the converter's own defaults."
    return f"Asked: {'; '.join(changed)}."


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _words(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value) or "none"
    return str(value)


def _operators(audit: Audit) -> str:
    text = operators_sentence(audit)
    if not text:
        return ""
    if audit.float_op_names and not audit.float_reasons:
        kinds = ", ".join(f"{count} {name}" for name, count in audit.float_op_names.items())
        text += f" In float: {kinds}."
    if audit.missing_kernels:
        text += f" Without a kernel here: {', '.join(audit.missing_kernels)}."
    more = (types_sentence(audit), same_sentence(audit))
    return " ".join(part for part in (text, *more) if part)


def _cut(text: str) -> str:
    if len(text) <= _MOST_DETAILS:
        return text
    return f"{text[:_MOST_DETAILS]}\n… and {len(text) - _MOST_DETAILS:,} characters more"
