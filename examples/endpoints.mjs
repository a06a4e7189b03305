// @ts-check
// Ports: reach a web server that runs in the sandbox, and hand out an address that works for a while.
//
// In one terminal: npx opensandbox-code-interpreter serve
// In another, after the two `export` lines that it prints: node examples/endpoints.mjs
import { Sandbox, SandboxApiException } from "opensandbox-code-interpreter";

const PORT = 8_000;

const sandbox = await Sandbox.create();
try {
  await sandbox.files.writeFiles([{ path: "/tmp/site/index.html", data: "<h1>Hello from inside</h1>\n" }]);
  await sandbox.commands.run(`python3 -m http.server ${PORT} --directory /tmp/site`, { background: true });

  // An endpoint may need headers of its own: it is a way into the sandbox, so keep them to yourself.
  const { url, headers } = await sandbox.getEndpoint(PORT);
  console.log("the page:", (await whenListening(url, headers)).trim());

  try {
    const expires = new Date(Date.now() + 3_600_000);
    const signed = await sandbox.getSignedEndpoint(PORT, expires);
    console.log("for an hour, for anyone who has it:", signed.url);
  } catch (error) {
    // Only gateways on Kubernetes sign addresses.
    if (!(error instanceof SandboxApiException)) throw error;
    console.log("no signed addresses here:", error.error.code);
  }
} finally {
  await sandbox.kill();
  await sandbox.close();
}

/**
 * The web server takes a moment to start; until then nobody answers.
 *
 * @param {string} url
 * @param {Readonly<Record<string, string>>} headers
 */
async function whenListening(url, headers) {
  for (let attempt = 1; ; attempt += 1) {
    const response = await fetch(url, { headers }).catch(() => undefined);
    if (response?.ok) return await response.text();
    await response?.body?.cancel();
    if (attempt === 50) throw new Error("The web server in the sandbox does not answer.");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
