"""Writes a published log folder out of given entries, so that the auditor can be tried without Kerbstone's own writer."""

import os

from auditor import tree


def write_log(folder, entries, checkpoint):
    """Writes all tiles of the entries, and the text of a signed checkpoint."""
    levels = tree.tile_levels([tree.leaf_hash(entry) for entry in entries])
    for level, hashes in enumerate(levels):
        _write_tiles(folder, level, hashes, b"".join)
    _write_tiles(folder, "entries", entries, tree.encode_bundle)
    _write(folder, "checkpoint", checkpoint.encode())


def _write_tiles(folder, level, items, encode):
    for n, width in tree.tiles_of(len(items)):
        start = n * tree.TILE_WIDTH
        _write(folder, tree.tile_path(level, n, width), encode(items[start : start + width]))


def _write(folder, name, data):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)
