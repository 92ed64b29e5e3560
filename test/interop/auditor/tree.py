"""The Merkle tree of RFC 9162 and its tiles, docs/formats.md, section 8."""

from hashlib import sha256

TILE_WIDTH = 256
HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(entry):
    return sha256(b"\x00" + entry).digest()


def node_hash(left, right):
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """A tree that only grows: the roots of its complete subtrees, largest first."""

    def __init__(self):
        self.size = 0
        self._subtrees = []

    def push(self, leaf):
        self._subtrees.append(leaf)
        self.size += 1
        merges = (self.size & -self.size).bit_length() - 1
        for _ in range(merges):
            right = self._subtrees.pop()
            self._subtrees.append(node_hash(self._subtrees.pop(), right))

    def root(self):
        if self.size == 0:
            return EMPTY_ROOT
        root = self._subtrees[-1]
        for left in reversed(self._subtrees[:-1]):
            root = node_hash(left, root)
        return root


def subtree_root(hashes):
    """The root over a power of two of hashes."""
    while len(hashes) > 1:
        hashes = [node_hash(hashes[at], hashes[at + 1]) for at in range(0, len(hashes), 2)]
    return hashes[0]


def tile_levels(leaves):
    """The hashes that the tiles of each level hold: first the leaves, then the roots of full tiles below."""
    levels = []
    hashes = leaves
    while hashes:
        levels.append(hashes)
        full = len(hashes) // TILE_WIDTH
        hashes = [subtree_root(hashes[n * TILE_WIDTH : (n + 1) * TILE_WIDTH]) for n in range(full)]
    return levels


def tile_number(n):
    """The path of a tile's number: groups of three digits, all but the last with an x."""
    groups = [f"{n % 1000:03d}"]
    while n >= 1000:
        n //= 1000
        groups.insert(0, f"x{n % 1000:03d}")
    return "/".join(groups)


def tile_path(level, n, width=TILE_WIDTH):
    """The path of a tile; `level` is a number or "entries"."""
    part = "" if width == TILE_WIDTH else f".p/{width}"
    return f"tile/{level}/{tile_number(n)}{part}"


def tiles_of(count):
    """Number and width of each tile that holds `count` hashes or entries."""
    full, rest = divmod(count, TILE_WIDTH)
    return [(n, TILE_WIDTH) for n in range(full)] + ([(full, rest)] if rest else [])


def encode_bundle(entries):
    """The bytes of a tile of entries."""
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def decode_bundle(data, width):
    """The entries of a tile, or None where it does not hold just `width` of them."""
    entries, at = [], 0
    while at < len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if at + 2 > len(data) or end > len(data):
            return None
        entries.append(data[at + 2 : end])
        at = end
    return entries if len(entries) == width else None
