"""TensorFlow operators that reach beyond the model: what each of them does, in a few words."""

from __future__ import annotations

import re
from typing import Any

READS = "reads files of the machine"
WRITES = "writes files on the machine"
CHECKPOINT = "reads or writes checkpoint files outside the model's own save and restore"
PRINTS = "prints into files of the machine"
PYTHON = "runs Python code of the process"
NETWORK = "talks to other machines or processes"
DUMPS = "dumps tensors into files or to other machines"
PROCESS = "ends or controls the process"

TABLE_FROM_FILE = {"InitializeTableFromTextFile", "InitializeTableFromTextFileV2"}
RESTORE_OPERATORS = {"Restore", "RestoreSlice", "RestoreV2"}

_ALWAYS = {
    READS: """
        ReadFile MatchingFiles MatchingFilesDataset ExperimentalMatchingFilesDataset ImmutableConst
        GenerateVocabRemapping LoadAndRemapMatrix Skipgram InitializeTRTResource LoadDataset
        ListSnapshotChunksDataset SnapshotChunkDataset SqlDataset ExperimentalSqlDataset
    """,
    WRITES: """
        WriteFile SerializeTRTResource CalibrationStatisticsSaver SaveDataset SaveDatasetV2
        DatasetToTFRecord ExperimentalDatasetToTFRecord SnapshotDataset SnapshotDatasetV2
        DistributedSave ImportEvent
    """,
    PYTHON: "PyFunc PyFuncStateless EagerPyFunc",
    NETWORK: """
        Rpc TryRpc RpcCall RpcClient RpcServer RpcServerStart RpcServerRegister RpcGetValue
        RpcCheckStatus DeleteRpcFutureResource RemoteCall Send Recv _Send _Recv _HostSend _HostRecv
        CollectiveInitializeCommunicator RegisterDataset RegisterDatasetV2
        FileSystemSetConfiguration
    """,
    DUMPS: "DumpTensor",
    PROCESS: """
        Abort WorkerHeartbeat XlaCustomCall XlaCustomCallV2 XlaHostCompute _XlaHostComputeMlir
        XlaSendToHost XlaRecvFromHost
    """,
}
# Training leaves these in the graphs of TF 1 exports. They are stateful, so they act only where
# something fetches them; importing a graph never does, while it may evaluate a stateless ReadFile
# to infer a shape.
_WHERE_IT_RUNS = {
    CHECKPOINT: """
        Save SaveSlices SaveV2 MergeV2Checkpoints ShardedFilename ShardedFilespec Restore
        RestoreSlice RestoreV2 DTensorRestoreV2
    """,
    PRINTS: "PrintV2",
    READS: """
        TextLineDataset TFRecordDataset TFRecordDatasetV2 FixedLengthRecordDataset
        FixedLengthRecordDatasetV2 CSVDataset CSVDatasetV2 ExperimentalCSVDataset LMDBDataset
        ExperimentalLMDBDataset RecordInput
    """,
    WRITES: """
        CacheDataset CacheDatasetV2 CreateSummaryFileWriter CreateSummaryDbWriter SummaryWriter
        WriteSummary WriteScalarSummary WriteHistogramSummary WriteImageSummary WriteAudioSummary
        WriteGraphSummary WriteRawProtoSummary FlushSummaryWriter CloseSummaryWriter
        StatsAggregatorSetSummaryWriter
    """,
}
_READER = re.compile(r"Reader")
_PATTERNS = [
    (_READER, READS),
    (re.compile(r"^Debug"), DUMPS),
    (re.compile(r"DataService"), NETWORK),
]
_DORMANT = {name: what for what, names in _WHERE_IT_RUNS.items() for name in names.split()}
_NAMES = _DORMANT | {name: what for what, names in _ALWAYS.items() for name in names.split()}
# What reaches outside by one text attribute alone: which, and the values with which it does not.
# What a sandboxed process prints goes to a log of its own, except to a stream "file://...".
_BARE_DESCRIPTORS = re.compile(rb"|(local|bytes)://.*", re.DOTALL)
_BY_ATTRIBUTE = {
    "DecodeProtoV2": ("descriptor_source", _BARE_DESCRIPTORS, READS),
    "EncodeProto": ("descriptor_source", _BARE_DESCRIPTORS, READS),
    "FixedUnigramCandidateSampler": ("vocab_file", re.compile(rb""), READS),
    "PrintV2": ("output_stream", re.compile(rb"|std(err|out)|log\((info|warning|error)\)"), PRINTS),
}


def what_it_does(node: Any) -> str | None:  # noqa: ANN401 - a generated protobuf class
    """Return what makes a node refused (`"reads files of the machine"`), None for a usual one.

    Args:
        node: A `NodeDef`; operators that touch files only by an attribute are told by it.
    """
    if node.op not in _BY_ATTRIBUTE:
        return operator_reaches(node.op)
    attribute, harmless, what = _BY_ATTRIBUTE[node.op]
    if attribute not in node.attr:
        return None
    value = node.attr[attribute]
    # A placeholder stands for what the caller of the function says.
    return None if not value.placeholder and harmless.fullmatch(value.s) else what


def operator_reaches(operator: str) -> str | None:
    """Return what an operator of this name does outside the model, None for a usual one.

    Example:
        >>> operator_reaches("ReadFile")
        'reads files of the machine'
        >>> operator_reaches("MatMul") is None
        True
    """
    if operator in _NAMES:
        return _NAMES[operator]
    return next((what for pattern, what in _PATTERNS if pattern.search(operator)), None)


def may_lie_dormant(operator: str) -> bool:
    """Return whether a refused operator is harmless as long as nothing runs it."""
    return operator in _DORMANT or bool(_READER.search(operator))
