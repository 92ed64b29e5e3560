/** What an operator can have the hub do about viewers of live pictures: `viewers-add`, `viewers-list`, `viewers-remove`. */

import { z } from "zod";
import { isName } from "../../ledger/name.ts";
import type { Clock } from "../../platform/clock.ts";
import { UserError } from "../../platform/user-error.ts";
import { parseRequest } from "./request.ts";
import type { OperatorCommand } from "./server.ts";
import type { ListedViewer, Previews } from "../preview/previews.ts";

/** What the commands work on. */
export interface ViewerCommandPorts {
  readonly previews: Pick<Previews, "addViewer" | "removeViewer" | "listViewers">;
  readonly clock: Clock;
  /** Whether the log knows a device of this name. */
  isDevice(name: string): boolean;
}

/** A viewer that was let in. */
export interface MadeViewer {
  readonly name: string;
  /** Shown once, and kept nowhere. */
  readonly token: string;
  readonly expiresMs: number;
}

export type ViewerLine = ListedViewer;

const DAY_MS = 86_400_000;
export const VIEWER_DAYS_MAX = 366;

const name = z.string().refine(isName, "expected a name: 1 to 63 of a-z, 0-9 and -");

const addShape = z.object({
  command: z.literal("viewers-add"),
  name,
  devices: z.array(name).max(64).optional(),
  days: z.number().int().min(1).max(VIEWER_DAYS_MAX),
});

const removeShape = z.object({ command: z.literal("viewers-remove"), name });

/** The commands of one hub, by name. */
export function viewerCommands(ports: ViewerCommandPorts): Record<string, OperatorCommand> {
  return {
    "viewers-add": (request) => add(ports, parseRequest(addShape, request)),
    "viewers-list": async () => ports.previews.listViewers(),
    "viewers-remove": async (request) => {
      const { name: viewer } = parseRequest(removeShape, request);
      await ports.previews.removeViewer(viewer);
      return { name: viewer };
    },
  };
}

async function add(
  ports: ViewerCommandPorts,
  request: z.infer<typeof addShape>,
): Promise<MadeViewer> {
  const { previews, clock } = ports;
  const stranger = request.devices?.find((device) => !ports.isDevice(device));
  if (stranger !== undefined) throw new UserError(`no device ${stranger} is enrolled`);
  const expiresMs = clock.nowMs() + request.days * DAY_MS;
  const { name: viewer, devices } = request;
  const token = await previews.addViewer({ name: viewer, devices, expiresMs });
  return { name: viewer, token, expiresMs };
}
