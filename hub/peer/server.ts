/**
 * What a peer serves: its copy of the log, its forks, its witness, and how it is doing.
 */

import fastify from "fastify";
import type { FastifyInstance } from "fastify";
import { ADD_CHECKPOINT_LENGTH_MAX } from "../../ledger/witness.ts";
import { serveLogFiles } from "../log-files.ts";
import type { ForkStore } from "./fork-store.ts";
import type { Mirror } from "./mirror.ts";
import type { Peer, RoundOutcome } from "./peer.ts";
import type { WitnessDesk } from "./witness-desk.ts";

/** What is served. */
export interface PeerServerParts {
  readonly name: string;
  readonly peer: Peer;
  readonly mirror: Mirror;
  readonly forks: ForkStore;
  readonly witness: WitnessDesk;
  /** How the newest round ended, and when; `undefined` before the first. */
  readonly newest: () => { readonly outcome: RoundOutcome; readonly atMs: number } | undefined;
}

/** Builds the server; the caller listens and closes. */
export function peerServer(parts: PeerServerParts): FastifyInstance {
  const app = fastify({ bodyLimit: ADD_CHECKPOINT_LENGTH_MAX * 2, forceCloseConnections: true });
  const { peer, mirror, forks, witness } = parts;
  serveLogFiles(app, {
    checkpoint: () => peer.checkpoint?.note,
    pending: () => peer.checkpoint?.note,
    tile: (tile) => mirror.readTile(tile),
  });
  // Whatever a witness client calls its body: it is text.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "string" }, (_request, body, done) => {
    done(null, body);
  });
  app.post("/add-checkpoint", async (request, reply) => {
    const answer = await witness.answer(typeof request.body === "string" ? request.body : "");
    return reply.code(answer.status).type(answer.contentType).send(answer.body);
  });
  app.get("/forks", (_request, reply) => reply.send({ forks: forks.all() }));
  app.get("/", (_request, reply) => reply.send(statusOf(parts)));
  app.get("/healthz", (_request, reply) => reply.type("text/plain").send("ok\n"));
  app.get("/metrics", (_request, reply) =>
    reply.type("text/plain; version=0.0.4; charset=utf-8").send(metricsOf(parts)),
  );
  return app;
}

function statusOf(parts: PeerServerParts): object {
  const { peer, mirror, forks, witness } = parts;
  const newest = parts.newest();
  return {
    name: parts.name,
    origin: mirror.state.origin || null,
    size: mirror.size,
    height: mirror.state.head?.height ?? null,
    cosignedSize: peer.checkpoint?.size ?? null,
    mirrorVkey: peer.mirrorVkey,
    witnessVkey: witness.vkey,
    forks: forks.all().length,
    newestRound: newest === undefined ? null : { ...newest.outcome, atMs: newest.atMs },
  };
}

/** Few enough figures to be written by hand (Prometheus text format 0.0.4). */
function metricsOf(parts: PeerServerParts): string {
  const { peer, mirror, forks } = parts;
  const newest = parts.newest();
  const figures: [name: string, help: string, value: number][] = [
    ["kerbstone_peer_entries", "Entries copied and admitted.", mirror.size],
    [
      "kerbstone_peer_cosigned_entries",
      "Size of the newest cosigned checkpoint.",
      peer.checkpoint?.size ?? 0,
    ],
    ["kerbstone_peer_forks", "Proofs of misbehaviour that are kept.", forks.all().length],
    [
      "kerbstone_peer_last_round_timestamp_seconds",
      "When the newest round ended.",
      (newest?.atMs ?? 0) / 1000,
    ],
  ];
  return figures
    .map(
      ([name, help, value]) => `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${name} ${value}\n`,
    )
    .join("");
}
