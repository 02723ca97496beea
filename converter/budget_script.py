"""The script that makes a solver's answer again, with plain litert-quantizer."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from converter.candidate_session import CandidateSession
from converter.environment import read_environment
from converter.quantizer_recipe import Rule
from converter.rebuild_quantizer import float_file_parts, rules_source
from converter.rebuild_script import ScriptFacts, script_source
from converter.weight_algorithms import COLLECTING

_LITERT = "from ai_edge_litert.interpreter import Interpreter\n"
_READ = '''
def prepare(path, folder):
    """Return the model's content."""
    return path.read_bytes()


def open_file(content):
    """Return an interpreter of a file."""
    return Interpreter(model_content=content)
'''
_AS_IT_IS = '''def build(content, calibration=None):
    """Return the file as it is: nothing in it is quantized."""
    return content
'''


def build_budget_script(
    session: CandidateSession, stem: str, content: bytes, rules: Sequence[Rule]
) -> str:
    """Return Python source that makes an answer's bytes out of the run's float file.

    Args:
        session: Of the run.
        stem: Of the answer's files.
        content: Of its `.tflite`.
        rules: litert-quantizer's own, which made it.
    """
    comparison = session.comparison
    source = session.source.read_bytes()
    name = comparison.model.name if comparison.starts_from_tflite else "float32.tflite"
    parts = float_file_parts(
        comparison, session.key, lambda _: "", read_environment(1).litert_quantizer
    )
    calibrates = any(
        "activation_tensor_config" in rule["op_config"] or rule["algorithm_key"] in COLLECTING
        for rule in rules
    )
    if rules:
        build = rules_source(rules, calibrates=calibrates)
    else:  # nothing is quantized: the float file itself
        build, parts = _AS_IT_IS, replace(parts, imports=_LITERT, functions=_READ)
    return script_source(
        parts,
        build,
        ScriptFacts(
            file=f"{stem}.tflite",
            script=f"{stem}.py",
            sha256=hashlib.sha256(content).hexdigest(),
            model_name=PurePosixPath(name).name,
            model_sha256=hashlib.sha256(source).hexdigest(),
            calibrates=calibrates,
        ),
    )
