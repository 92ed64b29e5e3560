"""The one verification rule of docs/formats.md, section 2.

OpenSSL compares the encoding of [S]B - [k]A with R without a cofactor, as the rule says, but takes encodings that the rule
refuses; those are looked at here before OpenSSL is asked. Curve arithmetic is only needed to see that a key to be
enrolled has no torsion component.
"""

from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_MINUS_1 = pow(2, (P - 1) // 4, P)
IDENTITY = (0, 1, 1, 0)


def _square_root(square):
    """A root modulo P, or None where there is none."""
    root = pow(square, (P + 3) // 8, P)
    if root * root % P != square % P:
        root = root * SQRT_MINUS_1 % P
    return root if root * root % P == square % P else None


def _x_squared(y):
    return (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P


def _small_order_ys():
    """The y-coordinates of the eight points whose order divides 8.

    Doubling a point of order 8 gives y = 0, which means y^2 = -x^2; put into the curve's equation, D x^4 - 2 x^2 - 1 = 0.
    """
    ys = {0, 1, P - 1}
    root = _square_root(1 + D)
    for sign in (1, -1):
        y = _square_root(-(1 + sign * root) * pow(D, P - 2, P) % P)
        if y is not None:
            ys |= {y, P - y}
    assert len(ys) == 5
    return frozenset(ys)


SMALL_ORDER_YS = _small_order_ys()


def _is_strict_point(encoding):
    y = int.from_bytes(encoding, "little") & (2**255 - 1)
    return y < P and y not in SMALL_ORDER_YS


@lru_cache(maxsize=4096)
def _openssl_key(key):
    return Ed25519PublicKey.from_public_bytes(key)


def verify(key, message, signature):
    """Says whether a signature holds, by the one rule."""
    if len(key) != 32 or len(signature) != 64:
        return False
    if int.from_bytes(signature[32:], "little") >= L:
        return False
    if not _is_strict_point(key) or not _is_strict_point(signature[:32]):
        return False
    try:
        _openssl_key(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


@lru_cache(maxsize=4096)
def is_torsion_free(key):
    """Says whether a key is a point of the prime-order group, and no other."""
    point = _decode_point(key)
    if point is None or not _is_strict_point(key):
        return False
    x, y, z, _ = _multiply(L, point)
    return x == 0 and y == z


def _decode_point(encoding):
    number = int.from_bytes(encoding, "little")
    sign, y = number >> 255, number & (2**255 - 1)
    x = _square_root(_x_squared(y)) if y < P else None
    if x is None or (x == 0 and sign == 1):
        return None
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)


def _multiply(scalar, point):
    result = IDENTITY
    while scalar > 0:
        if scalar & 1:
            result = _add(result, point)
        point = _add(point, point)
        scalar >>= 1
    return result


def _add(p, q):
    """Adds points in extended coordinates (RFC 8032, 5.1.4)."""
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c = 2 * p[3] * q[3] * D % P
    d = 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)
