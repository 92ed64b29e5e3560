"""Tries the auditor on the published vectors: `python3 -m unittest audit_selftest`, with KERBSTONE_SHARED naming their folder."""

import contextlib
import io
import json
import os
import tempfile
import unittest
from hashlib import sha256

import audit
from auditor import cbor, ed25519, note, tree
from auditor.admission import Log
from auditor.refusal import Refusal
from log_writer import write_log

SHARED = os.environ["KERBSTONE_SHARED"]
FLIP_STEP = 3


def load(path):
    with open(os.path.join(SHARED, path), encoding="utf-8") as file:
        return json.load(file)


SMALL_LOG = load("vectors/small-log.json")
ENTRIES = [bytes.fromhex(entry["entry"]) for entry in SMALL_LOG["entries"]]
VKEYS = {name: note.parse_vkey(SMALL_LOG["vkeys"][name]) for name in ("log", "logAfterRekey")}


def run_audit(folder, vkey):
    """Runs the program; gives exit code and printed object."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        code = audit.main([folder, "--vkey", vkey])
    return code, json.loads(printed.getvalue())


class SmallLog(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory(prefix="kerbstone-audit-")
        self.addCleanup(place.cleanup)
        self.folder = place.name

    def write(self, checkpoint, shown="note"):
        write_log(self.folder, ENTRIES[: checkpoint["size"]], checkpoint[shown])

    def test_holds_at_every_checkpoint(self):
        for checkpoint in SMALL_LOG["checkpoints"]:
            for shown in ("note", "cosigned"):
                with self.subTest(size=checkpoint["size"], shown=shown):
                    # Each folder also holds the partial tiles of the sizes before.
                    self.write(checkpoint, shown)
                    code, result = run_audit(self.folder, SMALL_LOG["vkeys"]["log"])
                    self.assertEqual((code, result["size"]), (0, checkpoint["size"]), result)
                    self.assertEqual(sum(result["entries"].values()), checkpoint["size"])

    def test_follows_a_rekey_from_either_key(self):
        self.write(SMALL_LOG["checkpoints"][-1])
        for vkey in ("log", "logAfterRekey"):
            self.assertEqual(run_audit(self.folder, SMALL_LOG["vkeys"][vkey])[0], 0)

    def test_refuses_a_key_that_was_never_the_hubs(self):
        self.write(SMALL_LOG["checkpoints"][-1])
        stranger = note.Vkey(SMALL_LOG["origin"], bytes.fromhex(SMALL_LOG["keys"][2]["public"]))
        with self.assertRaises(audit.Fault):
            audit.audit(self.folder, stranger)

    def test_says_when_it_cannot_look(self):
        self.assertEqual(run_audit(self.folder, SMALL_LOG["vkeys"]["log"])[0], 2)
        self.write(SMALL_LOG["checkpoints"][-1])
        self.assertEqual(run_audit(self.folder, "nonsense")[0], 2)

    def test_names_a_missing_tile(self):
        self.write(SMALL_LOG["checkpoints"][-1])
        os.remove(os.path.join(self.folder, "tile/0/000.p/22"))
        code, result = run_audit(self.folder, SMALL_LOG["vkeys"]["log"])
        self.assertEqual((code, result["code"]), (1, "bad-tile"))

    def test_finds_a_flipped_bit_in_any_file(self):
        self.write(SMALL_LOG["checkpoints"][-1])
        flips = 0
        for place, _, names in os.walk(self.folder):
            for name in names:
                flips += self.flip_bits(os.path.join(place, name))
        self.assertGreater(flips, 1000)

    def flip_bits(self, path):
        with open(path, "rb") as file:
            original = file.read()
        flips = range(0, len(original), FLIP_STEP)
        for at in flips:
            changed = bytearray(original)
            changed[at] ^= 1 << (at % 8)
            with open(path, "wb") as file:
                file.write(changed)
            with self.subTest(file=os.path.basename(path), byte=at), self.assertRaises(audit.Fault):
                audit.audit(self.folder, VKEYS["log"])
        with open(path, "wb") as file:
            file.write(original)
        return len(flips)


class Refused(unittest.TestCase):
    def test_every_case_has_its_code(self):
        cases = load("vectors/refused.json")["cases"]
        self.assertEqual(len(cases), 91)
        for case in cases:
            with self.subTest(case["desc"]):
                log = Log()
                for entry in ENTRIES[: case["after"]]:
                    log.admit(entry)
                root = log.tree.root()
                with self.assertRaises(Refusal) as caught:
                    log.admit(bytes.fromhex(case["entry"]))
                self.assertEqual(caught.exception.code, case["code"])
                # A refused entry changes nothing: what belongs there is still taken.
                self.assertEqual(log.tree.root(), root)
                for entry in ENTRIES[case["after"] :]:
                    log.admit(entry)


class Signatures(unittest.TestCase):
    def test_torsion(self):
        vector = load("vectors/ed25519-torsion.json")
        key, message, signature = (bytes.fromhex(vector[name]) for name in ("publicKey", "message", "signature"))
        self.assertIs(ed25519.verify(key, message, signature), vector["holds"])

    def test_wycheproof(self):
        path = "data/wycheproof/ed25519_test.json"
        if not os.path.exists(os.path.join(SHARED, path)):
            self.skipTest(f"no {path}")
        for group in load(path)["testGroups"]:
            key = bytes.fromhex(group["publicKey"]["pk"])
            for case in group["tests"]:
                with self.subTest(case["tcId"]):
                    holds = ed25519.verify(key, bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"]))
                    self.assertEqual(holds, case["result"] == "valid")

    def test_small_order_and_non_canonical_encodings(self):
        for y in ed25519.SMALL_ORDER_YS:
            for sign in (0, 1):
                encoding = (y | sign << 255).to_bytes(32, "little")
                self.assertFalse(ed25519.verify(encoding, b"", encoding + bytes(32)))
                self.assertFalse(ed25519.is_torsion_free(encoding))

    def test_keys_with_torsion_are_told_from_those_without(self):
        key = bytes.fromhex(SMALL_LOG["keys"][0]["public"])
        self.assertTrue(ed25519.is_torsion_free(key))
        point = ed25519._decode_point(key)
        x, y, z, _ = ed25519._add(point, (0, ed25519.P - 1, 1, 0))
        inverse = pow(z, ed25519.P - 2, ed25519.P)
        x, y = x * inverse % ed25519.P, y * inverse % ed25519.P
        self.assertFalse(ed25519.is_torsion_free((y | (x & 1) << 255).to_bytes(32, "little")))


class Tiles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.vector = load("vectors/tiles.json")
        cls.leaves = [tree.leaf_hash(f"entry {at}".encode()) for at in range(70000)]

    def test_roots(self):
        frontier = tree.Frontier()
        for leaf in self.leaves:
            frontier.push(leaf)
            expected = self.vector["roots"].get(str(frontier.size))
            if expected is not None:
                self.assertEqual(frontier.root().hex(), expected)

    def test_tile_files(self):
        found = {}
        for level, hashes in enumerate(tree.tile_levels(self.leaves)):
            for n, width in tree.tiles_of(len(hashes)):
                start = n * tree.TILE_WIDTH
                tile = b"".join(hashes[start : start + width])
                found[tree.tile_path(level, n, width)] = sha256(tile).hexdigest()
        for path, digest in self.vector["tiles"].items():
            self.assertEqual(found[path], digest, path)

    def test_names(self):
        for number, name in self.vector["names"].items():
            self.assertEqual(tree.tile_number(int(number)), name)


class Cbor(unittest.TestCase):
    def test_takes_only_the_deterministic_form(self):
        good = "00 1b001fffffffffffff 3b001ffffffffffffe f93800 fa47c35040 fb3ff199999999999a 80 a0 f4 f5 f6 818181818181818101"
        bad = (
            "1800 190000 1b0020000000000000 3b001fffffffffffff f90000 f98000 f97e00 f97c00 fa3f000000 fb3fe0000000000000 "
            "f7 f800 c000 9fff bfff 5fff 61ff a200000000 a201000000 a1f400 8181818181818181 818181818181818181 0000 18 42 8201"
        )
        for text in good.split():
            with self.subTest(text):
                cbor.decode(bytes.fromhex(text))
        for text in bad.split():
            with self.subTest(text), self.assertRaises(Refusal):
                cbor.decode(bytes.fromhex(text))


if __name__ == "__main__":
    unittest.main()
