/** The behaviours by name. */
import type { MisbehaviourName } from "./behaviour.ts";
import type { Misbehaviour } from "./desk.ts";
import { equivocator } from "./equivocator.ts";
import { flooder } from "./flooder.ts";
import { futureDated } from "./future-dated.ts";
import { gapAbuser } from "./gap-abuser.ts";
import { halfOpen } from "./half-open.ts";
import { impostor } from "./impostor.ts";
import { replayer } from "./replayer.ts";
import { topicAbuser } from "./topic-abuser.ts";

/** What each does. */
export const MISBEHAVIOURS: Readonly<Record<MisbehaviourName, Misbehaviour>> = {
  impostor,
  replayer,
  equivocator,
  "future-dated": futureDated,
  "gap-abuser": gapAbuser,
  flooder,
  "half-open": halfOpen,
  "topic-abuser": topicAbuser,
};
