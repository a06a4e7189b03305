import { ConnectionConfig } from "../../../index.js";

const KEY = "opensandbox.apiKey";

/** Sends the token of a sandbox as a protocol, which the local server accepts: browsers cannot send it as a header. */
class TokenWebSocket extends WebSocket {
  constructor(url: string, { headers }: { readonly headers: Readonly<Record<string, string>> }) {
    super(url, ["opensandbox.terminal", `opensandbox.token.${headers["x-execd-access-token"] ?? ""}`]);
  }
}

/**
 * Returns the connection to the server that served this page, or `undefined` without a session.
 *
 * The link of `serve --ui` contains a token that works once. The API key that it returns is kept in the storage of this
 * origin, which other ports of the machine cannot read.
 */
export async function openSession(): Promise<ConnectionConfig | undefined> {
  const token = location.hash.slice(1);
  if (token !== "") {
    history.replaceState(null, "", location.pathname);
    const response = await fetch("/ui/session", { method: "POST", body: token });
    if (response.ok) {
      const { apiKey } = (await response.json()) as { readonly apiKey: string };
      localStorage.setItem(KEY, apiKey);
    }
  }
  const apiKey = localStorage.getItem(KEY);
  if (apiKey === null) return undefined;
  return new ConnectionConfig({
    domain: location.host,
    protocol: "http",
    apiKey,
    // Use the address of this page, under any name it was opened with.
    useServerProxy: true,
    retryPolicy: { maxRetries: 0 },
    webSocket: TokenWebSocket,
    // A request to delete something still arrives after the page is closed.
    fetch: (url, init) => fetch(url, { ...init, keepalive: init.method === "DELETE" }),
  });
}

/** Forgets the API key after the server rejected it. */
export function closeSession(): void {
  localStorage.removeItem(KEY);
}
