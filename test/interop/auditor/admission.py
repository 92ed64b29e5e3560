"""Admission: the state of a log, and whether an entry may follow, docs/formats.md, sections 3 to 7 and 11."""

from dataclasses import dataclass, field
from hashlib import sha256

from . import cbor, ed25519, pack, payloads, statement, tree
from .refusal import require

ZERO_HASH = bytes(32)
CLOCK_TOLERANCE_MS = 300_000
RULES_VERSION = 1
HUB_KINDS = {"genesis", "seal", "rekey", "rules"}
DEVICE_KINDS = {"readings", "salted", "clip"}
REGISTRY_KINDS = {"enrol", "revoke"}
STREAM_OF_KIND = {
    "genesis": "log",
    "seal": "log",
    "rekey": "log",
    "rules": "log",
    "enrol": "registry",
    "revoke": "registry",
    "grant": "rights",
    "withdraw": "rights",
    "erase": "rights",
}


@dataclass
class Key:
    """A key that was enrolled; `limit` is the last seq that a revocation leaves it."""

    name: str
    role: str
    public: bytes
    last_hash: bytes
    last_seq: int = -1
    limit: int | None = None
    device: dict = field(default_factory=dict)

    @property
    def live(self):
        return self.limit is None


@dataclass
class Seal:
    height: int
    index: int
    hash: bytes
    time_ms: int


def kid_of(public):
    """The first bytes of the key's thumbprint, section 2."""
    return thumbprint(public)[:8]


def thumbprint(public):
    return sha256(cbor.encode({1: 1, -1: 6, -2: public})).digest()


class Log:
    """What an auditor remembers of the entries so far. A refused entry changes nothing."""

    def __init__(self):
        self.origin = None
        self.keys = {}
        self.live_names = {}
        self.has_registrars = False
        self.hub_keys = []
        self.last_seal = None
        self.latest_iat = 0
        self.hidden = {}
        self.tree = tree.Frontier()

    @property
    def size(self):
        return self.tree.size

    def admit(self, entry):
        """Takes the next entry and gives its kind, or raises a Refusal."""
        said = statement.decode(entry)
        if self.size == 0:
            self._admit_genesis(said)
        else:
            self._admit_later(said)
        self.latest_iat = max(self.latest_iat, said.iat)
        if said.kind == "seal":
            self.latest_iat = 0
        self.tree.push(tree.leaf_hash(entry))
        return said.kind

    def _admit_genesis(self, said):
        require(said.kind == "genesis", "bad-block", "the first entry is not genesis")
        payload = payloads.decode("genesis", said.payload)
        origin, hub = payload["origin"], payload["hub"][-2]
        require(ed25519.is_torsion_free(hub), "bad-possession", "the hub's key has torsion")
        enrolled = {kid_of(hub): Key("hub", "hub", hub, said.hash, last_seq=0)}
        names = {"hub": kid_of(hub)}
        for registrar in payload["registrars"]:
            name, public = registrar["name"], registrar["key"][-2]
            self._check_possession(origin, name, "registrar", public, registrar["pop"])
            require(name not in names and kid_of(public) not in enrolled, "taken", name)
            enrolled[kid_of(public)] = Key(name, "registrar", public, said.hash)
            names[name] = kid_of(public)
        require(said.kid == kid_of(hub), "unknown-key")
        require(said.issuer == "hub", "wrong-issuer")
        require(said.stream == "log", "wrong-stream")
        require(ed25519.verify(hub, said.signed, said.signature), "bad-signature")
        require(said.prev == ZERO_HASH and said.seq == 0, "broken-chain")
        self.origin, self.keys, self.live_names = origin, enrolled, names
        self.has_registrars = len(payload["registrars"]) > 0
        self.hub_keys = [hub]

    def _admit_later(self, said):
        key = self.keys.get(said.kid)
        require(key is not None, "unknown-key", said.kid.hex())
        require(key.live or said.seq <= key.limit, "revoked-key", said.kid.hex())
        require(said.issuer == key.name, "wrong-issuer", said.issuer)
        require(self._role_allows(key, said.kind), "wrong-role", f"{key.role} sends {said.kind}")
        require(self._stream_allows(key, said), "wrong-stream", said.stream)
        require(ed25519.verify(key.public, said.signed, said.signature), "bad-signature")
        require(said.prev == key.last_hash, "broken-chain", "prev")
        require(said.kind == "gap" or said.seq == key.last_seq + 1, "broken-chain", "seq")
        getattr(self, f"_{said.kind}")(said, key)
        key.last_seq, key.last_hash = said.seq, said.hash

    def _role_allows(self, key, kind):
        administers = key.role == "registrar" or (key.role == "hub" and not self.has_registrars)
        if kind == "gap":
            return True
        if kind in HUB_KINDS:
            return key.role == "hub"
        if kind in DEVICE_KINDS:
            return key.role == "device"
        if kind in REGISTRY_KINDS:
            return administers
        return key.role == "owner" or (kind == "erase" and administers)

    def _stream_allows(self, key, said):
        if key.role == "device":
            restricted = key.device["visibility"] == "restricted"
            fits = {"readings": not restricted, "salted": restricted}.get(said.kind, True)
            return fits and said.stream in key.device["streams"]
        if said.kind == "gap":
            kinds = [kind for kind in STREAM_OF_KIND if self._role_allows(key, kind)]
            return said.stream in {STREAM_OF_KIND[kind] for kind in kinds}
        return said.stream == STREAM_OF_KIND[said.kind]

    def _check_possession(self, origin, name, role, public, pop):
        text = f"kerbstone/v1 enrol\n{origin}\n{name}\n{role}\n{thumbprint(public).hex()}\n"
        require(ed25519.is_torsion_free(public), "bad-possession", "the key has torsion")
        require(ed25519.verify(public, text.encode(), pop), "bad-possession", name)

    def _readings(self, said, key):
        pack.check(said.payload, said.issuer, said.iat)

    def _salted(self, said, key):
        require(len(said.payload) == 32, "malformed", "a hash envelope holds 32 bytes")
        self.hidden[self.size] = (said.payload, key.device.get("owner"))

    def _clip(self, said, key):
        clip = payloads.decode("clip", said.payload)
        require(clip["toMs"] <= said.iat * 1000 + 1000, "future", "toMs")

    def _gap(self, said, key):
        gap = payloads.decode("gap", said.payload)
        holds = gap["from"] == key.last_seq + 1 and gap["to"] >= gap["from"] and said.seq == gap["to"] + 1
        require(holds, "broken-chain", "gap")

    def _genesis(self, said, key):
        require(False, "bad-block", "a second genesis")

    def _seal(self, said, key):
        seal = payloads.decode("seal", said.payload)
        last = self.last_seal
        first = 0 if last is None else last.index + 1
        expected = {
            "height": 0 if last is None else last.height + 1,
            "first": first,
            "count": self.size - first,
            "size": self.size,
            "root": self.tree.root(),
            "prev": ZERO_HASH if last is None else last.hash,
        }
        require(last is not None or self.size == 1, "bad-block", "block 0 is genesis and its seal")
        for name, value in expected.items():
            require(seal[name] == value, "bad-block", f"seal: {name}")
        time_ms = seal["timeMs"]
        require(last is None or time_ms >= last.time_ms, "bad-block", "seal: time ran backwards")
        latest_iat = max(self.latest_iat, said.iat)
        require(latest_iat * 1000 <= time_ms + CLOCK_TOLERANCE_MS, "bad-block", "seal: before its entries")
        self.last_seal = Seal(seal["height"], self.size, said.hash, time_ms)

    def _rekey(self, said, key):
        rekey = payloads.decode("rekey", said.payload)
        public = rekey["key"][-2]
        self._check_possession(self.origin, "hub", "hub", public, rekey["pop"])
        require(kid_of(public) not in self.keys, "taken", "hub")
        key.limit = said.seq
        self._enrol_key(Key("hub", "hub", public, said.hash))
        self.hub_keys.append(public)

    def _rules(self, said, key):
        rules = payloads.decode("rules", said.payload)
        require(rules["v"] == RULES_VERSION, "too-new", str(rules["v"]))

    def _enrol(self, said, key):
        enrol = payloads.decode("enrol", said.payload)
        name, role, public = enrol["name"], enrol["role"], enrol["key"][-2]
        self._check_possession(self.origin, name, role, public, enrol["pop"])
        require(name not in self.live_names and kid_of(public) not in self.keys, "taken", name)
        self._enrol_key(Key(name, role, public, said.hash, device=enrol if role == "device" else {}))
        if "private" in enrol:
            self.hidden[self.size] = (enrol["private"], enrol.get("owner"))

    def _enrol_key(self, key):
        self.keys[kid_of(key.public)] = key
        self.live_names[key.name] = kid_of(key.public)

    def _revoke(self, said, key):
        revoke = payloads.decode("revoke", said.payload)
        target = self.keys.get(revoke["kid"])
        found = target is not None and target.role != "hub" and target.live and target.name == revoke["name"]
        require(found, "unknown-key", revoke["name"])
        # A registrar that revokes itself has this very statement as its last.
        last_admitted = said.seq if target is key else target.last_seq
        target.limit = max(revoke.get("last", last_admitted), last_admitted)
        del self.live_names[target.name]

    def _grant(self, said, key):
        self._check_owner(payloads.decode("grant", said.payload)["stream"], key)

    def _withdraw(self, said, key):
        self._check_owner(payloads.decode("withdraw", said.payload)["stream"], key)

    def _check_owner(self, stream, key):
        device = self.keys.get(self.live_names.get(stream.split("/")[0]))
        owned = device is not None and device.device.get("owner") == key.name
        require(owned, "not-owner", stream)

    def _erase(self, said, key):
        erase = payloads.decode("erase", said.payload)
        hidden, owner = self.hidden.get(erase["entry"], (None, None))
        require(hidden == erase["hash"], "malformed", "that entry does not hide that hash")
        require(key.role != "owner" or owner == key.name, "not-owner", str(erase["entry"]))
