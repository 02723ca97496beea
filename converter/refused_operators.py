"""TensorFlow operators that reach beyond the model: what each of them does, in a few words."""

from __future__ import annotations

import re
from typing import Any

READS = "reads files of the machine"
WRITES = "writes files on the machine"
CHECKPOINT = "reads or writes checkpoint files outside the model's own save and restore"
PRINTS = "prints into the machine's logs or files"
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
    PRINTS: "Print PrintV2",
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
_BARE_SOURCES = (b"local://", b"bytes://")


def what_it_does(node: Any) -> str | None:  # noqa: ANN401 - a generated protobuf class
    """Return what makes a node refused (`"reads files of the machine"`), None for a usual one.

    Args:
        node: A `NodeDef`; operators that touch files only by an attribute are told by it.
    """
    known = operator_reaches(node.op)
    if known:
        return known
    if node.op in {"DecodeProtoV2", "EncodeProto"}:
        source = node.attr["descriptor_source"].s if "descriptor_source" in node.attr else b""
        return READS if source and not source.startswith(_BARE_SOURCES) else None
    if node.op == "FixedUnigramCandidateSampler" and "vocab_file" in node.attr:
        return READS if node.attr["vocab_file"].s else None
    return None


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
