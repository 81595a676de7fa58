"""One file: named arrays in the safetensors format, and JSON beside them.

    file                  safetensors: tensors by name, and one metadata entry
    metadata "varlayers"  JSON {"version": 1, "sha256": …, "content": …}
    sha256                of the content and of every tensor's name, dtype, shape, data

Reading executes nothing. The checksum finds a single flipped bit, in the weights too.
The same content and arrays give the same bytes.

A file is written beside its place and moved there when it is complete and on the disk,
so a crash leaves what was there before.

Reference: the format, https://github.com/huggingface/safetensors.
"""

import hashlib
import json
import os
import secrets
from pathlib import Path
from typing import Any

from varlayers.serialization.description import Description

__all__ = ["read", "write"]

_ENTRY = "varlayers"
_VERSION = 1


def write(path: str | os.PathLike[str], description: Description) -> None:
    """Write a description; the file appears whole or not at all.

    Raises:
        ImportError: if safetensors is not installed.
        OSError: if the file cannot be written.
    """
    content, arrays = description
    document = {
        "version": _VERSION,
        "sha256": _checksum(content, arrays),
        "content": content,
    }
    data = _safetensors().numpy.save(arrays, {_ENTRY: _dumps(document)})
    _write_atomically(Path(path).resolve(), data)


def read(path: str | os.PathLike[str]) -> Description:
    """Read a description back.

    Raises:
        FileNotFoundError: if there is no file.
        ImportError: if safetensors is not installed.
        ValueError: if the file is damaged, not one of ours, or of a newer version.
    """
    text, arrays = _tensors(Path(path))
    document = _loads(text, path)
    if document["version"] != _VERSION:
        msg = (
            f"load expected a file of version {_VERSION}, got version "
            f"{document['version']} in {os.fspath(path)!r}. Update varlayers."
        )
        raise ValueError(msg)
    content = document["content"]
    if document["sha256"] != _checksum(content, arrays):
        msg = _refusal(path, "it is damaged: its checksum differs")
        raise ValueError(msg)
    return Description(content, arrays)


def _tensors(path: Path) -> tuple[str, dict[str, Any]]:
    safetensors = _safetensors()
    if not path.is_file():
        msg = f"load expected `path` to be a file, got {os.fspath(path)!r}."
        raise FileNotFoundError(msg)
    try:
        with safetensors.safe_open(path, "np") as file:
            text = (file.metadata() or {}).get(_ENTRY)
            if text is not None:
                return text, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (safetensors.SafetensorError, TypeError) as error:
        msg = _refusal(path, f"it is damaged or no safetensors file ({error})")
        raise ValueError(msg) from error
    msg = _refusal(path, "it is a safetensors file of other origin")
    raise ValueError(msg)


def _loads(text: str, path: str | os.PathLike[str]) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, dict) and {"version", "sha256", "content"} <= set(document):
        return document
    msg = _refusal(path, "its description is damaged")
    raise ValueError(msg)


def _dumps(content: Any) -> str:
    return json.dumps(content, separators=(",", ":"))


def _checksum(content: Any, arrays: dict[str, Any]) -> str:
    checksum = hashlib.sha256(_dumps(content).encode())
    for name, array in sorted(arrays.items()):
        checksum.update(_dumps([name, array.dtype.name, array.shape]).encode())
        checksum.update(array.tobytes())
    return checksum.hexdigest()


def _write_atomically(path: Path, data: bytes) -> None:
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _safetensors() -> Any:
    try:
        import safetensors.numpy
    except ImportError as error:
        msg = (
            "save and load expected the package safetensors, which is not installed. "
            "Run: pip install varlayers[io]"
        )
        raise ImportError(msg) from error
    return safetensors


def _refusal(path: str | os.PathLike[str], reason: str) -> str:
    return f"load expected a varlayers file, got {os.fspath(path)!r}: {reason}."
