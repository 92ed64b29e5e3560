"""Audits a folder with a published Kerbstone log: `audit.py FOLDER --vkey VKEY`.

Independent of Kerbstone's own code: written from docs/formats.md alone, with Debian's cbor2 and cryptography. Derives
everything from the bytes of the entries and believes nothing that is stored.

Prints one line of JSON. Exit code 0: all holds, {"ok", "size", "root": hex, "entries": count by kind}. 1: the first fault, {"ok",
"index", "code", "text"}, `index` null where the fault is not in an entry. 2: could not look.
"""

import argparse
import json
import os
import sys
from collections import Counter

try:
    from auditor import note, tree
    from auditor.admission import Log
    from auditor.refusal import Refusal, require
except ModuleNotFoundError as missing:
    print(
        f"audit.py needs the Python module {missing.name}: on Debian, apt install python3-cbor2 python3-cryptography,"
        " and run it with /usr/bin/python3",
        file=sys.stderr,
    )
    sys.exit(2)


class Fault(Exception):
    """The first thing found wrong."""

    def __init__(self, index, code, text):
        super().__init__(text)
        self.index, self.code, self.text = index, code, text


class Folder:
    """The files of a published log."""

    def __init__(self, path):
        self.path = path

    def read(self, name):
        with open(os.path.join(self.path, name), "rb") as file:
            return file.read()

    def read_tile(self, name):
        try:
            return self.read(name)
        except FileNotFoundError as error:
            raise Fault(None, "bad-tile", f"{name} is missing") from error

    def exists(self, name):
        return os.path.isfile(os.path.join(self.path, name))

    def partial_widths(self, level, n):
        """The widths of the partial tiles that are kept for a tile."""
        place = os.path.join(self.path, tree.tile_path(level, n, 1)[:-2])
        names = os.listdir(place) if os.path.isdir(place) else []
        return sorted(int(name) for name in names if name.isdigit())


def audit(path, vkey):
    """Audits the folder; gives size, root and the count of entries by kind, or raises a Fault."""
    folder = Folder(path)
    checkpoint = _parse_checkpoint(folder)
    log, kinds, entries = Log(), Counter(), []
    for index, entry in enumerate(_read_entries(folder, checkpoint.size)):
        try:
            kinds[log.admit(entry)] += 1
        except Refusal as refusal:
            raise Fault(index, refusal.code, refusal.text) from refusal
        entries.append(entry)
    _check_tiles(folder, entries)
    _check_checkpoint(checkpoint, log, vkey)
    root = log.tree.root().hex()
    return {"size": log.size, "root": root, "entries": dict(sorted(kinds.items()))}


def _parse_checkpoint(folder):
    try:
        return note.parse(folder.read("checkpoint"))
    except Refusal as refusal:
        raise Fault(None, refusal.code, refusal.text) from refusal


def _read_entries(folder, size):
    for n, width in tree.tiles_of(size):
        name = _stored_name(folder, "entries", n, width)
        entries = tree.decode_bundle(folder.read_tile(name), _width_of(name))
        if entries is None:
            raise Fault(n * tree.TILE_WIDTH, "bad-tile", name)
        yield from entries[:width]


def _stored_name(folder, level, n, width):
    """The path of a tile; where the log has grown since, a partial one may have given way to the full one."""
    name = tree.tile_path(level, n, width)
    full = tree.tile_path(level, n)
    return full if not folder.exists(name) and folder.exists(full) else name


def _width_of(name):
    last = name.rsplit("/", 1)[-1]
    return int(last) if ".p/" in name else tree.TILE_WIDTH


def _check_tiles(folder, entries):
    """Compares every stored tile, also partial ones left over, with what the entries give."""
    levels = tree.tile_levels([tree.leaf_hash(entry) for entry in entries])
    for level, hashes in enumerate(levels):
        for n, width in tree.tiles_of(len(hashes)):
            _check_stored(folder, level, n, width, hashes, b"".join)
    for n, width in tree.tiles_of(len(entries)):
        _check_stored(folder, "entries", n, width, entries, tree.encode_bundle)


def _check_stored(folder, level, n, width, items, encode):
    names = {_stored_name(folder, level, n, width)}
    for other in folder.partial_widths(level, n):
        names.add(tree.tile_path(level, n, other))
    start = n * tree.TILE_WIDTH
    for name in sorted(names):
        # Of a tile that holds more than the checkpoint says, only the beginning can be judged.
        expected = encode(items[start : start + min(_width_of(name), width)])
        stored = folder.read_tile(name)
        holds = stored.startswith(expected) if _width_of(name) > width else stored == expected
        if not holds:
            raise Fault(None, "bad-tile", name)


def _check_checkpoint(checkpoint, log, vkey):
    try:
        require(log.size > 0, note.CODE, "an empty log")
        require(checkpoint.origin == log.origin == vkey.name, note.CODE, "origin")
        require(checkpoint.root == log.tree.root(), "bad-root", "the entries give another root")
        sealed = log.last_seal is not None and log.last_seal.index == log.size - 1
        require(sealed, note.CODE, "the last entry is not a seal")
        hubs = [note.Vkey(log.origin, key) for key in log.hub_keys]
        require(vkey in hubs, note.CODE, "the trusted key was never the hub's")
        note.check_signature(checkpoint, hubs[-1], [vkey])
    except Refusal as refusal:
        raise Fault(None, refusal.code, refusal.text) from refusal


def main(arguments):
    parser = argparse.ArgumentParser(description="Audits a published Kerbstone log.")
    parser.add_argument("folder", help="the folder with `checkpoint` and `tile`")
    parser.add_argument("--vkey", required=True, help="the log's vkey, known from elsewhere")
    given = parser.parse_args(arguments)
    try:
        result, code = {"ok": True, **audit(given.folder, note.parse_vkey(given.vkey))}, 0
    except Fault as fault:
        result = {"ok": False, "index": fault.index, "code": fault.code, "text": fault.text}
        code = 1
    except (OSError, ValueError) as error:
        result, code = {"ok": False, "error": str(error)}, 2
    print(json.dumps(result))
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
