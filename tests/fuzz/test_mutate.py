"""Damage is seeded, always damages, and keeps checksums right where it changes what a file says."""

import io
import json
import struct
import zipfile
from random import Random

import h5py
import numpy as np
import pytest

from tests.fuzz.hostile_keras import archive, dense, sequential
from tests.fuzz.hostile_protos import packed, saved_model
from tests.fuzz.mutate import mutate


def npy():
    stream = io.BytesIO()
    np.save(stream, np.zeros((12, 4), np.float32))
    return stream.getvalue()


def hdf5():
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file.attrs["model_config"] = json.dumps(sequential([dense(3)]))
        file["model_weights/kernel"] = np.zeros((4, 3), np.float32)
    return stream.getvalue()


SOUND = {
    "keras": archive(sequential([dense(3)])),
    "h5": hdf5(),
    "saved model": packed(saved_model()[0]),
    "graph": saved_model()[1].graph_def.SerializeToString(),
    "flatbuffer": struct.pack("<I4s", 16, b"TFL3") + bytes(200),
    "npy": npy(),
    "text": b"a,b,label\n1,2,0\n",
    "json": b'{"a": [1, {"b": null}]}',
    "nothing": b"",
}


@pytest.mark.parametrize("content", SOUND.values(), ids=SOUND)
def test_it_damages_and_a_seed_gives_the_same_damage_again(content):
    others = list(SOUND.values())
    first = [mutate(content, others, Random(seed)) for seed in range(80)]
    again = [mutate(content, others, Random(seed)) for seed in range(80)]
    # HDF5 files hold the time at which they were written.
    if not content.startswith((b"\x89HDF", b"PK")):
        assert first == again
    assert [what for _, what in first] == [what for _, what in again]
    assert sum(changed != content for changed, _ in first) > 70
    assert len({what for _, what in first}) > 10


def test_damage_within_a_zip_keeps_its_checksums():
    whole, inside = 0, 0
    for seed in range(120):
        changed, _ = mutate(SOUND["keras"], [], Random(seed))
        try:
            with zipfile.ZipFile(io.BytesIO(changed)) as opened:
                whole += opened.testzip() is None
                config = json.loads(opened.read("config.json"))
                inside += config != sequential([dense(3)])
        except Exception:  # noqa: BLE001, S112 - any kind, by damage to the archive's own bytes
            continue
    assert whole > 60
    assert inside > 10


def test_damage_to_a_graph_gives_another_graph():
    from tests.fuzz.mutate import _graph_of

    found = [_graph_of(mutate(SOUND["graph"], [], Random(seed))[0]) for seed in range(60)]
    texts = {str(graph) for graph in found if graph is not None}
    assert len(texts) > 15
