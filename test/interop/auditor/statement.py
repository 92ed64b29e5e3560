"""Statements: envelope, protected header and kind, docs/formats.md, sections 3, 4 and 7."""

import re
from dataclasses import dataclass
from hashlib import sha256

from . import cbor
from .refusal import require

STATEMENT_BYTES_MAX = 65535
EARLIEST_TIME = 2**28
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")

READINGS_TYPE = 112
SALTED_TYPE = "application/vnd.kerbstone.salted+cbor"
CBOR_KINDS = ("clip", "gap", "genesis", "seal", "rekey", "rules", "enrol", "revoke", "grant", "withdraw", "erase")
KINDS = {f"application/vnd.kerbstone.{kind}+cbor": kind for kind in CBOR_KINDS}


@dataclass
class Statement:
    """A decoded statement; `signed` are the bytes that its signature is over."""

    hash: bytes
    kind: str
    kid: bytes
    issuer: str
    stream: str
    iat: int
    seq: int
    prev: bytes
    payload: bytes
    signature: bytes
    signed: bytes


def decode(entry):
    """Reads a statement up to the length of its signature, in the order of section 11."""
    require(len(entry) <= STATEMENT_BYTES_MAX, "too-large")
    protected, payload, signature = _open_envelope(entry)
    header = cbor.decode(protected)
    _check_header(header)
    kind = _kind_of(header)
    require(header[1] in (-19, -8), "bad-algorithm", str(header[1]))
    require(len(signature) == 64, "malformed", "signature length")
    claims = header[15]
    return Statement(
        hash=sha256(entry).digest(),
        kind=kind,
        kid=header[4],
        issuer=claims[1],
        stream=claims[2],
        iat=claims[6],
        seq=header["seq"],
        prev=header["prev"],
        payload=payload,
        signature=signature,
        signed=cbor.encode(["Signature1", protected, b"", payload]),
    )


def _open_envelope(entry):
    require(entry[:2] == b"\xd2\x84", "malformed", "not a tagged COSE_Sign1")
    protected, at = cbor.read_bytes(entry, 2)
    require(entry[at : at + 1] == b"\xa0", "malformed", "the unprotected header is not empty")
    payload, at = cbor.read_bytes(entry, at + 1)
    signature, at = cbor.read_bytes(entry, at)
    require(at == len(entry), "malformed", "trailing bytes")
    return protected, payload, signature


def _check_header(header):
    require(type(header) is dict, "malformed", "header")
    content = {258, 259} if 258 in header or 259 in header else {3}
    require(set(header) == {1, 4, 15, "seq", "prev"} | content, "malformed", "header keys")
    if 3 in header:
        require(is_integer(header[3]) or type(header[3]) is str, "malformed", "content type")
    else:
        require(is_integer(header[258]) and header[258] == -16, "malformed", "hash algorithm")
        require(header[259] == SALTED_TYPE, "malformed", "preimage type")
    require(is_integer(header[1]), "malformed", "algorithm")
    require(is_hash(header[4], 8), "malformed", "kid")
    claims = header[15]
    require(type(claims) is dict and set(claims) == {1, 2, 6}, "malformed", "claims")
    require(is_name(claims[1]) and is_name(claims[2]), "malformed", "issuer or stream")
    require(is_integer(claims[6]) and claims[6] >= EARLIEST_TIME, "malformed", "iat")
    require(is_count(header["seq"]), "malformed", "seq")
    require(is_hash(header["prev"]), "malformed", "prev")


def _kind_of(header):
    if 259 in header:
        return "salted"
    if header[3] == READINGS_TYPE:
        return "readings"
    require(header[3] in KINDS, "unknown-kind", str(header[3]))
    return KINDS[header[3]]


def is_integer(value):
    """An integer; Python counts booleans among them."""
    return type(value) is int


def is_count(value):
    """An integer from zero on."""
    return is_integer(value) and value >= 0


def is_number(value):
    """An integer or a float."""
    return type(value) in (int, float)


def is_hash(value, size=32):
    """Bytes of just that length."""
    return type(value) is bytes and len(value) == size


def is_name(value):
    """A name or a stream, section 3."""
    return type(value) is str and NAME.fullmatch(value) is not None


def is_free_text(value):
    """Text of bounded length, section 1."""
    return type(value) is str and len(value.encode()) <= cbor.FREE_TEXT_BYTES_MAX
