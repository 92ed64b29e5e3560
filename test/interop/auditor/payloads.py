"""The shapes of the payloads of docs/formats.md, section 4. What they mean for the log is admission's work."""

from . import cbor
from .refusal import require
from .statement import is_count, is_free_text, is_hash, is_integer, is_name, is_number

REASONS = frozenset(
    "subject-request expired mistake court-order lost stolen retired replaced refused released counter-lost".split()
)
ORIGIN_BYTES_MAX = 255
REGISTRARS_MAX = 64
STREAMS_MAX = 16


def _is_cose_key(value):
    return (
        type(value) is dict
        and set(value) == {1, -1, -2}
        and is_integer(value[1])
        and value[1] == 1
        and is_integer(value[-1])
        and value[-1] == 6
        and is_hash(value[-2])
    )


def _is_pop(value):
    return is_hash(value, 64)


def _is_origin(value):
    """A key name of a signed note holds no spaces and no plus."""
    return (
        type(value) is str
        and 0 < len(value.encode()) <= ORIGIN_BYTES_MAX
        and "+" not in value
        and not any(letter.isspace() or ord(letter) < 32 for letter in value)
    )


def _is_registrar(value):
    shape = {"name": is_name, "key": _is_cose_key, "pop": _is_pop}
    return type(value) is dict and set(value) == set(shape) and all(shape[key](value[key]) for key in shape)


def _is_registrar_list(value):
    return type(value) is list and len(value) <= REGISTRARS_MAX and all(map(_is_registrar, value))


def _is_stream_list(value):
    return type(value) is list and 1 <= len(value) <= STREAMS_MAX and all(map(is_name, value))


def _is_stream_of_device(value):
    parts = value.split("/") if type(value) is str else []
    return len(parts) == 2 and all(map(is_name, parts))


def _is_latitude(value):
    return is_number(value) and abs(value) <= 90


def _is_longitude(value):
    return is_number(value) and abs(value) <= 180


def _is_positive(value):
    return is_integer(value) and value > 0


def _is_reason(value):
    return type(value) is str and value in REASONS


def _is_kid(value):
    return is_hash(value, 8)


def _one_of(*allowed):
    return lambda value: type(value) is str and value in allowed


SHAPES = {
    "clip": {
        "camera": is_free_text,
        "fromMs": is_count,
        "toMs": is_count,
        "sha256": is_hash,
        "bytes": is_count,
        "type": is_free_text,
    },
    "gap": {"from": is_count, "to": is_integer, "reason": _is_reason},
    "genesis": {
        "v": lambda value: is_integer(value) and value == 1,
        "origin": _is_origin,
        "createdMs": is_count,
        "hub": _is_cose_key,
        "registrars": _is_registrar_list,
        "blockSeconds": _is_positive,
    },
    "seal": {
        "height": is_count,
        "first": is_count,
        "count": is_count,
        "size": is_count,
        "root": is_hash,
        "prev": is_hash,
        "timeMs": is_count,
    },
    "rekey": {"key": _is_cose_key, "pop": _is_pop},
    "rules": {"v": is_count, "fromHeight": is_count},
    "enrol": {
        "name": is_name,
        "role": _one_of("device", "owner", "registrar"),
        "key": _is_cose_key,
        "pop": _is_pop,
    },
    "revoke": {"name": is_name, "kid": _is_kid, "reason": _is_reason, "last?": is_count},
    "grant": {
        "stream": _is_stream_of_device,
        "to": is_name,
        "fromMs": is_count,
        "untilMs?": is_count,
        "terms?": is_free_text,
    },
    "withdraw": {"stream": _is_stream_of_device, "to": is_name},
    "erase": {"entry": is_count, "hash": is_hash, "reason": _is_reason},
}

DEVICE_SHAPE = {
    **SHAPES["enrol"],
    "streams": _is_stream_list,
    "visibility": _one_of("public", "restricted"),
    "everySeconds": is_count,
    "owner?": is_name,
}
PUBLIC_SHAPE = {**DEVICE_SHAPE, "lat": _is_latitude, "lon": _is_longitude, "model?": is_free_text}
RESTRICTED_SHAPE = {**DEVICE_SHAPE, "private": is_hash}


def decode(kind, payload):
    """Gives the payload of a kind of section 4 as a dictionary, or refuses it as malformed."""
    value = cbor.decode(payload)
    require(type(value) is dict, "malformed", "payload")
    shape = SHAPES[kind]
    if kind == "enrol" and value.get("role") == "device":
        shape = RESTRICTED_SHAPE if value.get("visibility") == "restricted" else PUBLIC_SHAPE
    known = {key.rstrip("?") for key in shape}
    wanted = {key for key in shape if not key.endswith("?")}
    require(wanted <= set(value) <= known, "malformed", f"keys of {kind}")
    for key, holds in shape.items():
        name = key.rstrip("?")
        require(name not in value or holds(value[name]), "malformed", f"{kind}: {name}")
    return value
