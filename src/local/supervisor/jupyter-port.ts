import { createServer } from "node:http";

/** Where the real image runs Jupyter, and where clients look for it unless `JUPYTER_PORT` names another port. */
export const JUPYTER_PORT = 44_771;

const EXPLANATION = "The local server runs no Jupyter. Its kernels are reached through execd's API.\n";

/**
 * Listens on the loopback interface where clients expect Jupyter. Some connect to that port to find out whether code can
 * run. Every request is refused with an explanation.
 *
 * @param ports - the ports to try in turn; 0 is any free one
 * @returns the port, or `undefined` if the sandbox may not listen
 */
export async function openJupyterPort(ports: readonly number[]): Promise<number | undefined> {
  for (const port of ports) {
    const opened = await listen(port);
    if (opened !== undefined) return opened;
  }
  return undefined;
}

function listen(port: number): Promise<number | undefined> {
  const server = createServer((_request, response) => {
    response.writeHead(404, { "content-type": "text/plain" }).end(EXPLANATION);
  });
  server.unref();
  return new Promise((resolve) => {
    server.on("error", () => resolve(undefined));
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : undefined);
    });
  });
}
