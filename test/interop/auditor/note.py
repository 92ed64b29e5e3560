"""Checkpoints as signed notes, and verifier keys, docs/formats.md, section 8."""

import base64
import binascii
from dataclasses import dataclass
from hashlib import sha256

from . import ed25519
from .refusal import Refusal, require

ED25519_TYPE = 1
SIZE_MAX = 2**53 - 1
CODE = "bad-checkpoint"


@dataclass(frozen=True)
class Vkey:
    """A key that may sign checkpoints, under the name of the log."""

    name: str
    key: bytes

    @property
    def key_id(self):
        return sha256(self.name.encode() + b"\n" + bytes([ED25519_TYPE]) + self.key).digest()[:4]


@dataclass
class Checkpoint:
    """The text of a checkpoint, and its signature lines as (name, key id, signature)."""

    text: bytes
    origin: str
    size: int
    root: bytes
    lines: list


def _decode_base64(text):
    """Canonical base64, or None."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if base64.b64encode(data).decode() == text else None


def parse_vkey(text):
    """Gives the key of `<name>+<hex key id>+<base64(type || key)>`; ValueError where it is none."""
    parts = text.split("+", 2)
    if len(parts) != 3:
        raise ValueError("a vkey is <name>+<key id>+<key>")
    data = _decode_base64(parts[2])
    if data is None or len(data) != 33 or data[0] != ED25519_TYPE:
        raise ValueError("a vkey's key is base64 of 01 and 32 bytes")
    vkey = Vkey(parts[0], data[1:])
    if vkey.key_id.hex() != parts[1]:
        raise ValueError("a vkey's key id is not that of its key")
    return vkey


def parse(data):
    """Reads a checkpoint; says nothing yet of its signatures."""
    try:
        note = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refusal(CODE, "not UTF-8") from error
    body, blank, signatures = note.partition("\n\n")
    require(blank and signatures.endswith("\n"), CODE, "not a signed note")
    lines = body.split("\n")
    require(len(lines) == 3, CODE, "not three lines of text")
    origin, size, root = lines[0], lines[1], _decode_base64(lines[2])
    require(size.isascii() and size.isdigit() and str(int(size)) == size, CODE, "size")
    require(int(size) <= SIZE_MAX, CODE, "size")
    require(root is not None and len(root) == 32, CODE, "root")
    parsed = [_parse_line(line) for line in signatures[:-1].split("\n")]
    return Checkpoint(f"{body}\n".encode(), origin, int(size), root, parsed)


def _parse_line(line):
    parts = line.split(" ")
    require(len(parts) == 3 and parts[0] == "\u2014" and parts[1], CODE, "signature line")
    data = _decode_base64(parts[2])
    require(data is not None and len(data) > 4, CODE, "signature line")
    return parts[1], data[:4], data[4:]


def check_signature(checkpoint, live, others):
    """Refuses a checkpoint without a signature of the live key, or with a false one of any known key."""
    signed = False
    for name, key_id, signature in checkpoint.lines:
        for vkey in {live, *others}:
            if (name, key_id) == (vkey.name, vkey.key_id):
                holds = ed25519.verify(vkey.key, checkpoint.text, signature)
                require(holds, CODE, "a signature of a known key does not hold")
                signed = signed or vkey == live
    require(signed, CODE, "not signed by the hub's live key")
