"""Packs of readings (SenML), docs/formats.md, section 5.

The table of quantities is not part of the formats, so a quantity's own unit and range are left unchecked, except for those
of the position.
"""

from . import cbor
from .refusal import require
from .statement import EARLIEST_TIME, is_free_text, is_integer, is_name, is_number

RECORDS_MAX = 256
BASE_VERSION = 26
BVER, BASE_NAME, BASE_TIME, BASE_UNIT = -1, -2, -3, -4
NAME, UNIT, VALUE, TEXT, BOOLEAN, TIME = 0, 1, 2, 3, 4, 6
LABELS = {BVER, BASE_NAME, BASE_TIME, BASE_UNIT, NAME, UNIT, VALUE, TEXT, BOOLEAN, TIME}
POSITION_BOUNDS = {"lat": 90, "lon": 180}


def check(payload, issuer, iat):
    """Refuses a pack that does not hold."""
    records = cbor.decode(payload)
    require(type(records) is list and 1 <= len(records) <= RECORDS_MAX, "malformed", "records")
    base_name, base_time, base_unit = "", 0, None
    quantities = set()
    for at, record in enumerate(records):
        _check_labels(record, first=at == 0)
        base_name = record.get(BASE_NAME, base_name)
        base_time = record.get(BASE_TIME, base_time)
        name = base_name + record.get(NAME, "")
        quantity = name[len(issuer) + 1 :]
        require(name.startswith(f"{issuer}/") and is_name(quantity), "wrong-name", name)
        time = base_time + record.get(TIME, 0)
        require(time >= EARLIEST_TIME, "relative-time", str(time))
        require(time <= iat + 1, "future", str(time))
        base_unit = _check_value(record, quantity, base_unit)
        quantities.add(quantity)
    require({"lat", "lon"} <= quantities, "no-position")


def _check_labels(record, first):
    require(type(record) is dict and set(record) <= LABELS, "malformed", "labels")
    require(BVER in record or not first, "malformed", "the first record carries no bver")
    if BVER in record:
        require(is_integer(record[BVER]) and record[BVER] == BASE_VERSION, "malformed", "bver")
    for label in (BASE_NAME, NAME):
        require(label not in record or type(record[label]) is str, "malformed", "name")
    for label in (BASE_TIME, TIME):
        require(label not in record or is_number(record[label]), "malformed", "time")


def _check_value(record, quantity, base_unit):
    """Checks value, unit and position; gives the base unit that holds from here on."""
    for label in (BASE_UNIT, UNIT):
        require(label not in record or is_free_text(record[label]), "malformed", "unit")
    base_unit = record.get(BASE_UNIT, base_unit)
    unit = record.get(UNIT, base_unit)
    values = [label for label in (VALUE, TEXT, BOOLEAN) if label in record]
    require(len(values) == 1, "malformed", "not just one value")
    require(VALUE not in record or is_number(record[VALUE]), "malformed", "value")
    require(TEXT not in record or is_free_text(record[TEXT]), "malformed", "text value")
    require(BOOLEAN not in record or type(record[BOOLEAN]) is bool, "malformed", "boolean value")
    if quantity in POSITION_BOUNDS:
        require(VALUE in record and unit == quantity, "malformed", "position")
        require(abs(record[VALUE]) <= POSITION_BOUNDS[quantity], "malformed", "position out of range")
    if quantity.endswith("-fault"):
        require(BOOLEAN in record, "malformed", "a fault is a boolean")
    return base_unit
