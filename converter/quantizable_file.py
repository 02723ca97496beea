"""A `.tflite` as litert-quantizer needs it: with a signature, and no two tensors of one name."""

from __future__ import annotations

from collections.abc import Sequence


def make_quantizable(content: bytes, inputs: Sequence[str], outputs: Sequence[str]) -> bytes:
    """Return a file with a signature and with distinct tensor names; itself where it has both.

    The script that rebuilds a variant holds this function's source, so it stands on its own.

    Args:
        content: A `.tflite` file.
        inputs: For a file without signatures: a name for each input, in the file's order.
        outputs: The same for each output.
    """
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(bytearray(content), 0)
    taken: set[bytes] = set()
    changed = False
    for tensor in (tensor for graph in model.subgraphs for tensor in graph.tensors):
        name, number = tensor.name or b"tensor", 1
        while name in taken:
            number += 1
            name = (tensor.name or b"tensor") + b"__%d" % number
        taken.add(name)
        changed |= name != tensor.name
        tensor.name = name
    if not model.signatureDefs:
        signature = schema.SignatureDefT()
        signature.signatureKey, signature.subgraphIndex = "serving_default", 0
        main = model.subgraphs[0]
        signature.inputs, signature.outputs = [], []
        for ends, names, indices in (
            (signature.inputs, inputs, main.inputs),
            (signature.outputs, outputs, main.outputs),
        ):
            for name, index in zip(names, indices, strict=True):
                entry = schema.TensorMapT()
                entry.name, entry.tensorIndex = name, int(index)
                ends.append(entry)
        model.signatureDefs = [signature]
        changed = True
    if not changed:
        return content
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
