/**
 * Listening at a TCP port, and knowing which one it has become.
 */
import { createServer, type Server } from "node:net";

/** Where to listen. Port 0 takes any free one. */
export interface TcpPlace {
  readonly host: string;
  readonly port: number;
}

/** Listens; gives the server and where it is. Rejects with the system's error when the address cannot be had. */
export async function listenTcp(
  place: TcpPlace,
): Promise<{ readonly server: Server; readonly place: TcpPlace }> {
  const server = createServer({ noDelay: true });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(place.port, place.host, () => {
      server.off("error", reject);
      resolve();
    });
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("a TCP server has no port");
  return { server, place: { host: address.address, port: address.port } };
}
