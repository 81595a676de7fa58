"""Files are written whole or not at all, and every damage is found."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from varlayers.serialization.description import Description
from varlayers.serialization.files import read, write

pytest.importorskip("safetensors")

ARRAYS = {
    "params.b": np.array([1.5, np.nan, -0.0]),
    "params.a": np.arange(6, dtype=np.float32).reshape(2, 3),
    "none": np.zeros((0, 2), np.float16),
    "scalar": np.array(3, np.int64),
}
CONTENT = {"b": [1, 2.5, None, float("nan")], "a": {"text": "é\n\"'"}}
DESCRIPTION = Description(CONTENT, ARRAYS)
OTHER = Description({"other": 1}, {})


def same(one, other):
    assert json.dumps(one.content) == json.dumps(other.content)
    assert one.arrays.keys() == other.arrays.keys()
    for name, array in one.arrays.items():
        assert array.dtype == other.arrays[name].dtype
        assert array.shape == other.arrays[name].shape
        assert array.tobytes() == other.arrays[name].tobytes()


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "model.safetensors"
    write(path, DESCRIPTION)
    return path


def test_what_is_read_is_what_was_written(path):
    same(read(path), DESCRIPTION)
    same(read(str(path)), DESCRIPTION)


@pytest.mark.parametrize("description", [OTHER, Description(None, {})])
def test_a_file_may_hold_no_array(tmp_path, description):
    write(tmp_path / "file", description)
    same(read(tmp_path / "file"), description)


def test_others_read_the_arrays_by_name(path):
    from safetensors.numpy import load_file

    arrays = load_file(path)
    assert arrays.keys() == ARRAYS.keys()
    np.testing.assert_array_equal(arrays["params.b"], ARRAYS["params.b"])


def test_the_same_description_gives_the_same_bytes(path, tmp_path):
    again = tmp_path / "again"
    for _ in range(10):
        write(again, Description(CONTENT, dict(reversed(ARRAYS.items()))))
        assert again.read_bytes() == path.read_bytes()


def test_names_keep_their_order(path):
    assert list(read(path).content) == ["b", "a"]


# ---- atomicity ---------------------------------------------------------------------


def fail(*args, **kwargs):
    message = "no space left on device"
    raise OSError(message)


def test_a_new_file_replaces_the_old_one(path):
    write(path, OTHER)
    same(read(path), OTHER)
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("where", "what"),
    [(os, "fsync"), (Path, "replace"), (Path, "open")],
)
def test_a_failure_leaves_the_old_file(path, monkeypatch, where, what):
    before = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(where, what, fail)
        with pytest.raises(OSError, match="no space left"):
            write(path, OTHER)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_failure_in_the_middle_of_the_data_leaves_the_old_file(path, monkeypatch):
    opened = Path.open

    def open_small(self, mode):
        file = opened(self, mode, buffering=0)

        class Small:
            def __enter__(self):
                return self

            def __exit__(self, *args):
                file.close()

            def write(self, data):
                file.write(data[: len(data) // 2])
                fail()

        return Small()

    before = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", open_small)
        with pytest.raises(OSError, match="no space left"):
            write(path, OTHER)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


CRASH = """
import os, sys
from varlayers.serialization.description import Description
from varlayers.serialization.files import write

os.fsync = lambda descriptor: (os.ftruncate(descriptor, 30), os._exit(9))
write(sys.argv[1], Description({"other": 1}, {}))
"""


def test_a_crash_leaves_the_old_file(path):
    done = subprocess.run([sys.executable, "-c", CRASH, path], check=False)
    assert done.returncode == 9
    same(read(path), DESCRIPTION)
    write(path, OTHER)
    same(read(path), OTHER)


def test_a_file_is_on_the_disk_before_it_takes_its_place(path, monkeypatch):
    calls = []
    fsync, replace = os.fsync, Path.replace

    def spy_fsync(descriptor):
        calls.append("fsync")
        fsync(descriptor)

    def spy_replace(self, target):
        calls.append("replace")
        assert self.parent == target.parent
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", spy_fsync)
    monkeypatch.setattr(Path, "replace", spy_replace)
    write(path, OTHER)
    assert calls == ["fsync", "replace"]


def test_a_link_stays_a_link(path):
    link = path.with_name("link")
    link.symlink_to(path)
    write(link, OTHER)
    assert link.is_symlink()
    same(read(path), OTHER)


def test_the_folder_must_exist(tmp_path):
    with pytest.raises(FileNotFoundError):
        write(tmp_path / "missing" / "file", OTHER)


# ---- damage ------------------------------------------------------------------------


def is_refused(path):
    """Whether the file is refused, by our message; if not, it must be right."""
    try:
        description = read(path)
    except ValueError as error:
        return str(error).startswith("load expected ")
    same(description, DESCRIPTION)
    return False


def test_every_flipped_bit_is_found_or_harmless(path):
    data = path.read_bytes()
    rng = np.random.default_rng(0)
    outcomes = []
    for place in rng.permutation(len(data))[:400]:
        flipped = bytearray(data)
        flipped[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(flipped)
        outcomes.append(is_refused(path))
    assert sum(outcomes) > 0.97 * len(outcomes)


def test_every_flipped_bit_of_the_arrays_is_found(path):
    data = path.read_bytes()
    size = sum(array.nbytes for array in ARRAYS.values())
    for place in range(len(data) - size, len(data)):
        flipped = bytearray(data)
        flipped[place] ^= 1 << (place % 8)
        path.write_bytes(flipped)
        with pytest.raises(ValueError, match="it is damaged: its checksum differs"):
            read(path)


def test_every_truncation_is_found(path):
    data = path.read_bytes()
    for size in range(len(data)):
        path.write_bytes(data[:size])
        with pytest.raises(ValueError, match="it is damaged or no safetensors file"):
            read(path)


@pytest.mark.parametrize("size", [0, 1, 8, 100, 5000])
def test_random_bytes_are_refused(tmp_path, size):
    path = tmp_path / "random"
    for seed in range(20):
        path.write_bytes(np.random.default_rng(seed).bytes(size))
        with pytest.raises(ValueError, match="it is damaged or no safetensors file"):
            read(path)


def test_splices_are_refused(path):
    data = path.read_bytes()
    rng = np.random.default_rng(1)
    for _ in range(100):
        a, b, c = sorted(int(i) for i in rng.integers(0, len(data), 3))
        for spliced in (data[b:c] + data[a:b], rng.bytes(c - a), data[a:b]):
            path.write_bytes(data[:a] + spliced + data[c:])
            assert is_refused(path) == (spliced != data[a:c])


def test_files_of_other_origin_are_refused(tmp_path):
    from safetensors.numpy import save_file

    for metadata in (None, {"format": "pt"}):
        save_file({"w": np.ones(3)}, tmp_path / "other", metadata)
        with pytest.raises(ValueError, match=r"got '.*other': it is a .* other origin"):
            read(tmp_path / "other")


@pytest.mark.parametrize(
    "text", ["", "{", "[1]", "3", '{"version":1}', "[" * 100_000, '{"content":{}}']
)
def test_wrong_metadata_is_refused(tmp_path, text):
    from safetensors.numpy import save_file

    save_file({"w": np.ones(3)}, tmp_path / "file", {"varlayers": text})
    with pytest.raises(ValueError, match="its description is damaged"):
        read(tmp_path / "file")


def test_newer_versions_are_refused(tmp_path):
    from safetensors.numpy import save_file

    document = {"version": 2, "sha256": "", "content": {}}
    save_file({}, tmp_path / "file", {"varlayers": json.dumps(document)})
    message = r"a file of version 1, got version 2 in '.*file'. Update varlayers."
    with pytest.raises(ValueError, match=message):
        read(tmp_path / "file")


def test_missing_file_and_folder(tmp_path):
    for path in (tmp_path, tmp_path / "missing"):
        message = f"load expected `path` to be a file, got {str(path)!r}."
        with pytest.raises(FileNotFoundError, match=re.escape(message)):
            read(path)


def test_without_safetensors_the_extra_is_named(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    message = re.escape("Run: pip install varlayers[io]")
    with pytest.raises(ImportError, match=message):
        read(path)
    with pytest.raises(ImportError, match=message):
        write(path, OTHER)
