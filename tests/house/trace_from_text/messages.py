"""A trace's messages and columns, by trace/trace.capnp: framing, checksums, compression."""
import ctypes
import ctypes.util
import json
import struct
import subprocess


class Malformed(Exception):
    """The trace is not what the format's text says."""


def require(condition, what):
    if not condition:
        raise Malformed(what)


def library(name):
    found = ctypes.util.find_library(name)
    require(found, f"no lib{name} here")
    return ctypes.CDLL(found)


zstd = library("zstd")
zstd.ZSTD_decompress.restype = ctypes.c_size_t
zstd.ZSTD_decompress.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]
xxhash = library("xxhash")
xxhash.XXH3_64bits.restype = ctypes.c_uint64
xxhash.XXH3_64bits.argtypes = [ctypes.c_char_p, ctypes.c_size_t]


def xxh3(data):
    return xxhash.XXH3_64bits(data, len(data))


def frames(data):
    """(offset, bytes) of each framed message: u32 segments - 1, u32 words of the only segment, the segment."""
    offset = 0
    while offset < len(data):
        segments, words = struct.unpack_from("<II", data, offset)
        size = 8 + 8 * words
        require(segments == 0, f"message at {offset} is not of one segment")
        require(size <= 64 << 20 and offset + size <= len(data), f"message at {offset} is too long")
        yield offset, data[offset:offset + size]
        offset += size


def check_frame(frame):
    """Message.checksum and Message.checkedBytes, which are returned."""
    checksum, checked = struct.unpack_from("<QQ", frame, 16)
    require(24 <= checked <= len(frame), "a message's checksum is of more than the message")
    require(xxh3(frame[:16] + bytes(8) + frame[24:checked]) == checksum, "a message's checksum is wrong")
    return checksum, checked


def convert(schema, frames_in):
    """Messages as dictionaries. Cap'n Proto's own tool does the parsing."""
    text = subprocess.run(["capnp", "convert", "binary:json", schema, "Message"], input=b"".join(frames_in),
                          stdout=subprocess.PIPE, check=True).stdout.decode()
    decoder = json.JSONDecoder()
    place = 0
    for frame in frames_in:
        while text[place].isspace():
            place += 1
        message, place = decoder.raw_decode(text, place)
        fields = int(message["checksum"]), int(message["checkedBytes"])
        require(fields == check_frame(frame), "the checksum is elsewhere")
        yield message
    require(not text[place:].strip(), "there are more messages than frames")


def batches(data, size=4 << 20):
    """Lists of (offset, frame) of some `size` bytes together: as text they take ten times as much."""
    batch = []
    for offset, frame in frames(data):
        check_frame(frame)
        batch.append((offset, frame))
        if offset + len(frame) - batch[0][0] >= size:
            yield batch
            batch = []
    if batch:
        yield batch


def read_messages(schema, path):
    """(offset, name of the union's member, its value) of each message."""
    with open(path, "rb") as file:
        data = file.read()
    for batch in batches(data):
        for (offset, _), message in zip(batch, convert(schema, [frame for _, frame in batch])):
            (kind,) = set(message) - {"checksum", "checkedBytes"}
            yield offset, kind, message[kind]


class Column:
    """A column's records in their coding, decompressed."""

    def __init__(self, column):
        data = bytes(column.get("data", []))
        self.id = column["id"]
        self.coding = column["coding"]
        self.records = int(column["records"])
        require(xxh3(data) == int(column["checksum"]), f"the checksum of column {self.id} is wrong")
        size = int(column["rawSize"])
        if column["compression"] == "zstd":
            raw = ctypes.create_string_buffer(max(size, 1))
            require(zstd.ZSTD_decompress(raw, size, data, len(data)) == size, f"column {self.id} is of another size")
            data = raw.raw[:size]
        require(len(data) == size, f"column {self.id} is of another size")
        self.bytes = data


def read_columns(columns, codings):
    """By id. codings: what each may be coded in."""
    result = {}
    for column in map(Column, columns):
        require(column.id not in result, f"column {column.id} twice")
        require(column.coding in codings.get(column.id, ()), f"column {column.id} is coded as {column.coding}")
        result[column.id] = column
    return result
