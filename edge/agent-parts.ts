/** What an agent is made of: chosen by the settings in a program, by hand in a test. */

import type { Policy } from "../ledger/policy.ts";
import type { Position } from "../ledger/senml.ts";
import type { Signer, Verify } from "../ledger/signature.ts";
import type { Clock } from "../platform/clock.ts";
import type { Files } from "../platform/files.ts";
import type { Logger } from "../platform/log.ts";
import type { Random } from "../platform/random.ts";
import type { MakeCameras } from "./cameras/cameras.ts";
import type { PreviewAddress } from "./cameras/preview-connection.ts";
import type { ConnectHub } from "./delivery/hub-connection.ts";
import type { SendingLimits } from "./delivery/publisher.ts";
import type { RetentionLevel } from "./delivery/receipt-trust.ts";
import type { Standing } from "./delivery/standing.ts";
import type { PackLimits } from "./packs/packer.ts";
import type { Driver } from "./sensors/driver.ts";
import type { Connect } from "./sensors/lines/line.ts";
import type { Preference } from "./time/clock-source.ts";
import type { AskTimeSync } from "./time/time-sync.ts";

/** A sensor as an agent gets it. */
export interface SensorSetup {
  readonly stream: string;
  readonly driverName: string;
  readonly address: string;
  readonly driver: Driver;
  readonly connect: Connect;
  /** The board for which the device signs, where it is none of its own sensors; then it has its stream to itself. */
  readonly via?: string | undefined;
  readonly silentMs?: number;
  /** How long a value may repeat before it counts as stuck; 0 for ever. */
  readonly stuckMs?: number;
}

/** What an agent is made of. */
export interface AgentParts {
  readonly device: string;
  readonly origin: string;
  readonly signer: Signer;
  /** Whom the device believes: pinned when it was set up. */
  readonly policy: Policy;
  readonly verify: Verify;
  /** The highest that the policy can show, unless given. */
  readonly retention?: RetentionLevel | undefined;
  readonly isRestricted: boolean;
  /** Where the device stands; without it a receiver among its sensors says so. */
  readonly position?: Position | undefined;
  readonly pack: PackLimits;
  readonly outboxBytesMax: number;
  readonly waitingReadingsMax: number;
  /** No clock that says less is believed; see clock-source.ts. */
  readonly notBeforeMs: number;
  /** A receiver farther from `position` than this, metres, says that the device was moved; 0 for never. */
  readonly movedMetres?: number | undefined;
  /** How long a system clock that nobody keeps is waited for. */
  readonly waitForSyncMs: number;
  /** Who is believed where a receiver contradicts a system clock that is kept; `ntp` unless given. */
  readonly preferClock?: Preference | undefined;
  /** Asks whether the system's clock is kept in step. */
  readonly askTimeSync: AskTimeSync;
  readonly sensors: readonly SensorSetup[];
  /** Absent where the device has no cameras. */
  readonly makeCameras?: MakeCameras | undefined;
  /** Where the hub takes the live pictures of those cameras that have a preview; absent for none. */
  readonly previewAddress?: PreviewAddress | undefined;
  /** The stream in whose name gaps are signed; that of the first sensor unless given. */
  readonly gapStream?: string | undefined;
  readonly connectHub: ConnectHub;
  /** Asks the hub for the time, milliseconds since 1970; a last resort. */
  readonly askHubTime?: (signal: AbortSignal) => Promise<number | undefined>;
  /** Asks the hub how the device stands with it, where it refuses the login. */
  readonly askStanding?: (signal: AbortSignal) => Promise<Standing>;
  readonly sending?: Partial<SendingLimits>;
  /** Belongs to this agent alone. */
  readonly dataFolder: string;
  readonly files: Files;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}
