"""What TensorFlow's operators give, told without importing TensorFlow, where they are defined.

The dtype of a node's first result is told by its attributes, and by tables of the operators that
break the rule. A test holds both against TensorFlow's own registry.
"""

from __future__ import annotations

import re
from typing import Any

from converter.saved_model_file import dtype_name

_WITHOUT_RESULT = re.compile(
    r"NoOp|ControlTrigger|Assert|Abort|PrintV2|_?(Host)?Send|_Retval|Save(V2|Slices)?|"
    r"MergeV2Checkpoints|DistributedSave|Write\w+|\w+SummaryWriter|ImportEvent|"
    r"InitializeTable\w*|LookupTable(Insert|Import|Remove)(V2)?|Queue(Close|Enqueue)\w*|"
    r"Resource(Sparse)?(Apply|Scatter|StridedSliceAssign)\w*|Assign\w*VariableOp|"
    r"(Stack|Barrier|TensorArray)Close(V\d)?|Delete\w+|DestroyResourceOp|MakeIterator|"
    r"Stage|StageClear|(Ordered)?Map(Stage|Clear)|DumpTensor|RngSkip"
)
# The first that a node has names its result's dtype; an operand's only where none of these does.
_RESULT_TYPES = (
    *("DstT", "dtype", "Toutput", "output_type", "out_type", "Tout", "output_dtype"),
    *("element_dtype", "Treal", "Tparams"),
)
_OPERAND_TYPES = ("T", "Tidx")
_FIXED_TYPES = {
    **dict.fromkeys(
        ("AdjustContrast", "CropAndResize", "CropAndResizeGradBoxes", "EditDistance"), "float32"
    ),
    **dict.fromkeys(
        ("ResizeArea", "ResizeBicubic", "ResizeBilinear", "ScaleAndTranslate"), "float32"
    ),
    **dict.fromkeys(
        ("All", "Any", "ApproximateEqual", "Equal", "NotEqual", "Greater", "GreaterEqual"), "bool"
    ),
    **dict.fromkeys(("InTopK", "InTopKV2", "IsFinite", "IsInf", "IsNan", "ToBool"), "bool"),
    **dict.fromkeys(("Less", "LessEqual", "IsVariableInitialized"), "bool"),
    **dict.fromkeys(("NonMaxSuppressionV2", "NonMaxSuppressionV3"), "int32"),
    **dict.fromkeys(("NonMaxSuppressionV4", "NonMaxSuppressionV5"), "int32"),
    **dict.fromkeys(("Bucketize", "Rank", "SetSize"), "int32"),
    **dict.fromkeys(("CTCBeamSearchDecoder", "CTCGreedyDecoder", "Where"), "int64"),
    "DenseToDenseSetOperation": "int64",
    **dict.fromkeys(("Fingerprint", "PopulationCount"), "uint8"),
    **dict.fromkeys(
        ("AsString", "EncodePng", "SerializeTensor", "StringFormat", "Substr"), "string"
    ),
    **dict.fromkeys(
        ("EmptyTensorList", *(f"TensorList{what}" for what in (
            "ConcatLists", "FromTensor", "PopBack", "PushBack", "PushBackBatch", "Reserve",
            "Scatter", "ScatterIntoExistingList", "ScatterV2", "SetItem", "Split",
        ))), "variant"
    ),
    "VarHandleOp": "resource",
}  # fmt: skip
# Of operators that have several such attributes, or one of another name.
_OWN_ATTRIBUTES = {
    **dict.fromkeys(("RFFT", "RFFT2D", "RFFT3D", "RFFTND"), "Tcomplex"),
    "Bitcast": "type",
}
# Of operators whose type attribute may be left out where it has its default.
_DEFAULT_TYPES = {
    **dict.fromkeys(("Shape", "ShapeN", "Size"), "int32"),
    **dict.fromkeys(("ArgMax", "ArgMin"), "int64"),
    "Dequantize": "float32",
}


def has_result(node: Any) -> bool:  # noqa: ANN401 - a generated protobuf class
    """Return whether a node computes anything that others can take."""
    return _WITHOUT_RESULT.fullmatch(node.op) is None


def result_dtype(node: Any) -> str | None:  # noqa: ANN401
    """Return the dtype of a node's first result; None where its attributes do not tell it."""
    if node.op in _FIXED_TYPES:
        return _FIXED_TYPES[node.op]
    for name in (_OWN_ATTRIBUTES.get(node.op, ""), *_RESULT_TYPES):
        if name in node.attr:
            return _attribute_type(node.attr[name])
    if node.op in _DEFAULT_TYPES:
        return _DEFAULT_TYPES[node.op]
    operands = [node.attr[name] for name in _OPERAND_TYPES if name in node.attr]
    return _attribute_type(operands[0]) if operands else None


def _attribute_type(value: Any) -> str | None:  # noqa: ANN401
    number = value.type or next(iter(value.list.type), 0)
    return dtype_name(number) if number else None
