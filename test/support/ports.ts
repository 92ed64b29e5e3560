/**
 * Free TCP ports for tests, chosen by the kernel.
 *
 * Between asking and using, another process may take the port; programs that can listen on 0 and say where are
 * better served by that. A port is never given out twice in one test process.
 */
import { createServer } from "node:net";

const given = new Set<number>();

/** Picks a port of 127.0.0.1 on which nobody listens at the moment. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = await portChosenByKernel();
    if (!given.has(port)) {
      given.add(port);
      return port;
    }
  }
}

function portChosenByKernel(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      if (address === null || typeof address === "string") {
        reject(new Error("the kernel gave no port"));
        return;
      }
      server.close(() => {
        resolve(address.port);
      });
    });
  });
}
