/** The port in a box at which the proxy of its network rules is reachable. */
export const PROXY_PORT = 3128;

const PROXY_HOST = "127.0.0.1";

/** Returns the variables by which programs in a box find the proxy. */
export function proxyEnvironment(): Record<string, string> {
  const proxy = `http://${PROXY_HOST}:${PROXY_PORT}`;
  const variables = {
    HTTP_PROXY: proxy,
    HTTPS_PROXY: proxy,
    // Not `socks5h://`, although the proxy understands it: without a further package, Python's httpx then fails.
    ALL_PROXY: proxy,
    // The box's own ports.
    NO_PROXY: "localhost,127.0.0.1,::1",
  };
  const options = JAVA_PROPERTIES.map((property) => `-D${property}`).join(" ");
  const lower = Object.entries(variables).map(([name, value]) => [name.toLowerCase(), value] as const);
  return {
    ...variables,
    ...Object.fromEntries(lower),
    // Node.js 24 and newer then use the variables above.
    NODE_USE_ENV_PROXY: "1",
    MAVEN_OPTS: options,
    GRADLE_OPTS: options,
  };
}

/** Java's own settings. Java never uses a proxy for `localhost` and 127.0.0.0/8. */
const JAVA_PROPERTIES = ["http", "https"].flatMap((scheme) => [
  `${scheme}.proxyHost=${PROXY_HOST}`,
  `${scheme}.proxyPort=${PROXY_PORT}`,
]);

/** Returns Java's `net.properties` with the proxy. Every Java program reads them; it prints no note, as for variables. */
export function javaNetworkProperties(): string {
  return `${JAVA_PROPERTIES.join("\n")}\n`;
}
