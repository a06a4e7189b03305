import { ConnectionConfig } from "../../../index.js";

const KEY = "opensandbox.apiKey";

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
  });
}

/** Forgets the API key after the server rejected it. */
export function closeSession(): void {
  localStorage.removeItem(KEY);
}
