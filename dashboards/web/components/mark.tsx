/** A state in words with its picture: levels of proof and presence of devices. */

import type { JSX } from "preact";
import type { Level } from "../api/answer.ts";
import { LEVEL_WORDS } from "../city/level.ts";
import { PRESENCE_WORDS } from "../city/presence.ts";
import type { Presence } from "../city/presence.ts";
import { LevelIcon, PresenceIcon } from "./icon.tsx";

/** How far an entry has come towards proof. */
export function LevelMark({ level }: { level: Level }): JSX.Element {
  const { title, meaning } = LEVEL_WORDS[level];
  return (
    <span class={`mark-state level-${level}`} title={meaning}>
      <LevelIcon level={level} />
      {title}
    </span>
  );
}

/** Whether a device is there. */
export function PresenceMark({ presence }: { presence: Presence }): JSX.Element {
  const { title, meaning } = PRESENCE_WORDS[presence];
  return (
    <span class={`mark-state presence-${presence}`} title={meaning}>
      <PresenceIcon presence={presence} />
      {title}
    </span>
  );
}
