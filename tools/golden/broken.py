"""safetensors that must be refused, with one thing wrong each."""

import json
import struct

F32 = "F32"


def _tensor(shape, begin, end, dtype=F32):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def _file(header, data, length=None):
    text = header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def files():
    """Name: (bytes, what is wrong). Two tensors, a [2, 2] and b [3], are what a good one would hold."""
    good = {"a": _tensor([2, 2], 0, 16), "b": _tensor([3], 16, 28)}
    data = struct.pack("<7f", *range(7))
    twice = b'{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"a":{"dtype":"F32","shape":[3],"data_offsets":[16,28]}}'
    deep = b'{"__metadata__":{"x":' + b"[" * 20000 + b"]" * 20000 + b'},"a":{"dtype":"F32","shape":[7],"data_offsets":[0,28]}}'
    return {
        "truncated-data": (_file(good, data[:20]), "the data ends before the last tensor does"),
        "truncated-header": (_file(good, data)[:40], "the file ends inside the header"),
        "truncated-length": (b"\x10\x00\x00", "the file ends inside the header's length"),
        "zero-byte": (b"", "an empty file"),
        "absurd-length": (_file(good, data, length=2**63), "the header's length is 2^63"),
        "largest-length": (_file(good, data, length=2**64 - 1), "the header's length is 2^64 - 1 (8 + it overflows)"),
        "header-past-end": (_file(good, data, length=10000), "the header's length is greater than the file"),
        "zero-header": (_file(b"", data), "a header of no bytes"),
        "overlap": (_file({"a": _tensor([2, 2], 0, 16), "b": _tensor([3], 8, 20)}, data), "two tensors overlap"),
        "outside": (_file({"a": _tensor([2, 2], 0, 16), "b": _tensor([3], 20, 32)}, data), "offsets outside the data"),
        "backwards": (_file({"a": _tensor([2, 2], 16, 0), "b": _tensor([3], 16, 28)}, data), "begin after end"),
        "negative-offset": (_file({"a": _tensor([2, 2], -16, 0), "b": _tensor([3], 16, 28)}, data), "a negative offset"),
        "fractional-offset": (_file({"a": _tensor([2, 2], 0.5, 16.5)}, data), "an offset that is not whole"),
        "huge-offset": (_file({"a": _tensor([2, 2], 2**64 - 16, 2**64)}, data), "offsets beyond 64 bits"),
        "wrong-size": (_file({"a": _tensor([2, 3], 0, 16), "b": _tensor([3], 16, 28)}, data), "16 bytes for shape [2, 3]"),
        "negative-shape": (_file({"a": _tensor([-2, -2], 0, 16), "b": _tensor([3], 16, 28)}, data), "a negative dimension"),
        "overflowing-shape": (
            _file({"a": _tensor([2**32, 2**32, 4], 0, 16), "b": _tensor([3], 16, 28)}, data),
            "a shape whose size overflows 64 bits to zero",
        ),
        "duplicate-names": (_file(twice, data), "one name twice"),
        "not-json": (_file(b'{"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16', data), "a header that is not JSON"),
        "not-an-object": (_file(b"[1,2,3]", data), "a header that is a JSON array"),
        "deep-json": (_file(deep, data), "20000 nested arrays"),
        "not-utf8": (_file(b'{"\xff\xfe":{"dtype":"F32","shape":[7],"data_offsets":[0,28]}}', data), "a name not in UTF-8"),
        "unknown-dtype": (_file({"a": _tensor([4], 0, 16, "F13"), "b": _tensor([3], 16, 28)}, data), "dtype F13"),
        "no-offsets": (_file({"a": {"dtype": F32, "shape": [2, 2]}}, data), "a tensor without data_offsets"),
        "three-offsets": (_file({"a": {"dtype": F32, "shape": [7], "data_offsets": [0, 14, 28]}}, data), "three offsets"),
        "trailing-data": (_file(good, data + b"more"), "bytes after the last tensor"),
        "hole": (_file({"a": _tensor([2, 2], 0, 16), "b": _tensor([2], 20, 28)}, data), "bytes that belong to no tensor"),
        "text-offsets": (_file({"a": {"dtype": F32, "shape": [7], "data_offsets": ["0", "28"]}}, data), "offsets in quotes"),
        "endless-offset": (
            _file(b'{"a":{"dtype":"F32","shape":[7],"data_offsets":[0,1e400]}}', data),
            "an offset beyond every number",
        ),
        "number-shape": (_file({"a": {"dtype": F32, "shape": 7, "data_offsets": [0, 28]}}, data), "a shape that is not a list"),
        "no-dtype": (_file({"a": {"shape": [7], "data_offsets": [0, 28]}}, data), "a tensor without dtype"),
        "not-a-tensor": (_file({"a": [7]}, data), "an entry that is not an object"),
        "two-headers": (
            _file(b'{"a":{"dtype":"F32","shape":[7],"data_offsets":[0,28]}}{}', data),
            "JSON after the header's end",
        ),
        "git-lfs-pointer": (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 346404948\n",
            "what git leaves in place of the file where Git LFS is not installed",
        ),
    }


def write_files(folder):
    """Writes the safetensors; returns their entries in the index."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = []
    for name, (data, reason) in files().items():
        (folder / f"{name}.safetensors").write_bytes(data)
        entry = {"file": f"broken/{name}.safetensors", "reason": reason, "mentions": [f"{name}.safetensors"]}
        # Readers differ on these two; refusing them is stricter than needed, reading past the end is never right.
        entry["mayBeAccepted"] = name in ("trailing-data", "hole")
        entries.append(entry)
    return entries
