// Starts the two local servers that the smoke suite needs, and closes them at the end of stdin. Prints how to reach them.
import process from "node:process";
import { startLocalServer } from "opensandbox-code-interpreter/local";

const servers = await Promise.all([
  startLocalServer({ cors: "*" }),
  startLocalServer({ cors: "*", faults: { cutAtByte: 2_000 } }),
]);
const [connection, cutting] = servers.map(({ connectionConfig: { domain, protocol, apiKey } }) => ({
  ...{ domain, protocol, apiKey },
}));
console.log(JSON.stringify({ connection, cutting }));

process.stdin.resume();
process.stdin.once("end", async () => {
  await Promise.all(servers.map((server) => server.close()));
  process.exit();
});
