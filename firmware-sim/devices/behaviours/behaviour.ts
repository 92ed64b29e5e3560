/**
 * How a device may misbehave, and what a correct hub does about it (docs/simulate.md, "Devices that misbehave").
 *
 * Each expectation is checked while the run goes on, and reported as kept or broken. The texts stand in the report.
 */
/** The names, as scenarios and flags give them. */
export const BEHAVIOUR_NAMES = [
  "honest",
  "impostor",
  "replayer",
  "equivocator",
  "future-dated",
  "gap-abuser",
  "flooder",
  "half-open",
  "topic-abuser",
] as const;

export type BehaviourName = (typeof BEHAVIOUR_NAMES)[number];
export type MisbehaviourName = Exclude<BehaviourName, "honest">;

/** What a correct hub does, by a short name within the behaviour. */
export type Expectations = Readonly<Record<string, string>>;

const GOES_ON = "what it says lawfully in between is stored all the same";

/** What is expected of the hub, for each behaviour. */
export const EXPECTATIONS: Readonly<Record<MisbehaviourName, Expectations>> = {
  impostor: {
    "stolen-login": "a login under an enrolled name with another key is refused (CONNACK 4 or 5)",
    "forged-login": "a token that names the enrolled key and is signed by another is refused",
    "foreign-issuer": "a statement in another device's name is refused (wrong-issuer)",
    "foreign-key": "a statement with another device's kid is refused (wrong-issuer)",
    "bad-signature": "a statement whose signature does not hold is refused (bad-signature)",
    "foreign-topic": "a statement on another device's topic ends the connection",
    "goes-on": GOES_ON,
  },
  replayer: {
    "own-again": "an old statement of its own, sent again, is acknowledged and changes nothing",
    "captured-own-topic": "a statement captured from another device is refused (wrong-issuer)",
    "captured-foreign-topic": "the same on the other device's topic ends the connection",
    "goes-on": GOES_ON,
  },
  equivocator: {
    "second-refused": "the second of two statements with one number is refused (broken-chain)",
    "evidence-kept": "both are kept as evidence against the key",
    "goes-on": GOES_ON,
  },
  "future-dated": {
    "signed-ahead": "a statement signed an hour ahead is refused (future)",
    "signed-far-ahead": "a statement signed at the end of time is refused (future)",
    "measured-ahead": "a reading from after its signing is refused (future)",
    "goes-on": GOES_ON,
  },
  "gap-abuser": {
    "gap-elsewhere":
      "a gap that does not begin behind the last statement is refused (broken-chain)",
    "gap-beyond": "a gap that does not end before its own number is refused (broken-chain)",
    "gap-backwards": "a gap that leaves out nothing is refused (broken-chain)",
    "gap-reason": "a gap for a reason that is not on the list is refused (malformed)",
    "gap-lawful": "a gap that fits is stored, however far it leaps",
    "goes-on": GOES_ON,
  },
  flooder: {
    "flood-taken":
      "a flood of lawful statements is taken in order, at the hub's pace, and none is lost",
    "packet-too-large": "a packet larger than any statement ends the connection",
    "goes-on": GOES_ON,
  },
  "half-open": {
    "silence-ended": "a connection that says nothing is ended",
    "half-connect-ended": "a connection that stops in the middle of its login is ended",
    "newer-wins": "a login under a name whose connection hangs is let in, and the old one is ended",
    "goes-on": GOES_ON,
  },
  "topic-abuser": {
    "publish-ends": "publishing where it may not, or as it may not, ends the connection",
    "subscribe-refused": "a subscription to others' topics is not granted (0x80)",
    "will-refused": "a login whose will speaks elsewhere is refused (CONNACK 5)",
    "goes-on": GOES_ON,
  },
};
