"""Deterministic CBOR, docs/formats.md, section 1.

The values come from cbor2, which is lenient: it takes long heads, unsorted maps and much else. So a walk over the bytes
checks their form first, and makes no values but the numbers whose form depends on them.
"""

import struct

import cbor2

from .refusal import Refusal, require

INTEGER_MAX = 2**53 - 1
LEVELS_MAX = 8
FREE_TEXT_BYTES_MAX = 256


def decode(data):
    """Gives the value of deterministic CBOR, or refuses it as malformed."""
    end = _walk(data, 0, 0)
    require(end == len(data), "malformed", "trailing bytes")
    return cbor2.loads(data)


def encode(value):
    """Gives the deterministic form of a value made of maps, byte strings and integers."""
    return cbor2.dumps(value, canonical=True)


def read_head(data, at):
    """Gives major type, argument and the place after a head, which must be the shortest one."""
    require(at < len(data), "malformed", "truncated")
    major, info = data[at] >> 5, data[at] & 31
    if info < 24:
        return major, info, at + 1
    require(info <= 27, "malformed", "indefinite or reserved length")
    size = 1 << (info - 24)
    argument = data[at + 1 : at + 1 + size]
    require(len(argument) == size, "malformed", "truncated")
    number = int.from_bytes(argument, "big")
    if major != 7:
        require(number >= (24 if size == 1 else 1 << (4 * size)), "malformed", "a longer head than needed")
    return major, number, at + 1 + size


def read_bytes(data, at):
    """Gives a byte string and the place after it."""
    major, length, start = read_head(data, at)
    require(major == 2 and start + length <= len(data), "malformed", "a byte string is expected")
    return data[start : start + length], start + length


def _walk(data, at, level):
    """Checks the item that begins at a place; gives the place after it."""
    if at < len(data) and data[at] >> 5 == 7:
        return _simple(data, at)
    major, number, at = read_head(data, at)
    if major == 0:
        require(number <= INTEGER_MAX, "malformed", "integer out of range")
        return at
    if major == 1:
        require(number < INTEGER_MAX, "malformed", "integer out of range")
        return at
    if major in (2, 3):
        end = at + number
        require(end <= len(data), "malformed", "truncated")
        if major == 3:
            _utf8(data[at:end])
        return end
    require(major != 6, "malformed", "tag")
    require(level < LEVELS_MAX, "malformed", "too deep")
    return _array(data, at, number, level + 1) if major == 4 else _map(data, at, number, level + 1)


def _array(data, at, count, level):
    for _ in range(count):
        at = _walk(data, at, level)
    return at


def _map(data, at, count, level):
    previous = None
    for _ in range(count):
        require(at < len(data) and data[at] >> 5 in (0, 1, 3), "malformed", "a key must be an integer or text")
        end = _walk(data, at, level)
        key = data[at:end]
        require(previous is None or previous < key, "malformed", "map keys out of order or twice")
        previous = key
        at = _walk(data, end, level)
    return at


def _utf8(data):
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refusal("malformed", "text is not UTF-8") from error


def _simple(data, at):
    info = data[at] & 31
    if info in (20, 21, 22):
        return at + 1
    size, form = {25: (2, ">e"), 26: (4, ">f"), 27: (8, ">d")}.get(info, (0, ""))
    require(size > 0, "malformed", "simple value")
    stored = data[at + 1 : at + 1 + size]
    require(len(stored) == size, "malformed", "truncated")
    (value,) = struct.unpack(form, stored)
    require(value - value == 0, "malformed", "not a finite number")
    require(not (value.is_integer() and abs(value) <= INTEGER_MAX), "malformed", "an integer as a float")
    require(_shortest_float(value) == size, "malformed", "a longer float than needed")
    return at + 1 + size


def _shortest_float(value):
    for size, form in ((2, ">e"), (4, ">f")):
        try:
            if struct.unpack(form, struct.pack(form, value))[0] == value:
                return size
        except OverflowError:
            pass
    return 8
