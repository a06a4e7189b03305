import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { OTHER_DIFFERENCES } from "../conformance/other-differences.js";
import { bodyOf, loadFixture, type Exchange } from "../helpers/fixtures.js";
import { LocalClient, parseEvents } from "../helpers/local-sandbox.js";
import { describeIf, isolationWorks, NO_ISOLATION_REASON } from "../helpers/skips.js";

/** Where the local server is not, or cannot be, what the recorded one was. */
const DIFFERENCES: Readonly<Record<string, unknown>> = OTHER_DIFFERENCES["lifecycle-docker"];

const KEY = "e2e-test";
const exchanges = loadFixture("lifecycle-docker");

describeIf(
  isolationWorks,
  "local/lifecycle-recorded",
  NO_ISOLATION_REASON,
)("as recorded", () => {
  let client: LocalClient;
  let token = "";
  const ids = new Map<string, string>();
  beforeAll(async () => {
    client = await LocalClient.start({ port: false, apiKey: KEY });
  });
  afterAll(() => client.server.close());

  // In the order of the recording, as later requests concern what earlier ones made.
  test.each(exchanges.map((exchange, index) => [exchange.label, index] as const))(
    "%s",
    async (label, index) => {
      const exchange = exchanges[index];
      if (exchange === undefined) throw new RangeError("no such exchange");
      const { status, headers } = exchange.response;
      const answer = await repeat(exchange);
      const text = await answer.text();
      remember(bodyOf(exchange), text);
      if (exchange.request.path === "/v1/sandboxes" && answer.status === 202 && status !== 202) {
        // The recorded server created none, and its counts go on without it.
        const { id } = JSON.parse(text) as { id: string };
        await client.send("DELETE", `/sandboxes/${id}`);
      }
      if (label in DIFFERENCES) return;

      expect(answer.status).toBe(status);
      for (const name of ["content-type", "content-length", "location", "deprecation", "allow", "vary"]) {
        const isComparable = name !== "content-length" || headers[name] === "0";
        if (isComparable) expect([name, answer.headers.get(name)]).toEqual([name, shown(headers[name])]);
      }
      const requestId = new Headers(exchange.request.headers).get("x-request-id");
      expect(answer.headers.get("x-request-id")).toMatch(requestId ?? /^[0-9a-f]{32}$/);
      expect(comparable(text)).toEqual(comparable(substituted(bodyOf(exchange))));
    },
  );

  async function repeat({ label, request }: Exchange): Promise<Response> {
    const headers = new Headers(request.headers);
    // The real execd asks for no token by default.
    if (label.startsWith("proxy ")) headers.set("x-execd-access-token", token);
    headers.delete("host");
    const body = request.body ?? undefined;
    const answer = await client.server.fetch(`${client.server.url}${substituted(request.path)}`, {
      method: request.method,
      headers,
      ...(body !== undefined && {
        body: substituted(typeof body === "string" ? body : JSON.stringify(body)),
      }),
    });
    if (label === "endpoint execd") {
      const endpoint = (await answer.clone().json()) as { headers: Record<string, string> };
      token = endpoint.headers["X-EXECD-ACCESS-TOKEN"] ?? "";
    }
    return answer;
  }

  /** Notes under which id something that was made goes here. */
  function remember(recorded: string, actual: string): void {
    const [there, here] = [recorded, actual].map((text) => /^\{"id":"([^"]+)"/.exec(text)?.[1]);
    if (there !== undefined && here !== undefined && !ids.has(there)) ids.set(there, here);
  }

  function shown(header: string | undefined): string | null {
    return header === undefined ? null : substituted(header);
  }

  /** The same with the ids of here, and with times of the recording that are in the future. */
  function substituted(text: string): string {
    let changed = text.replaceAll("2026-11-2", "2099-11-2").replaceAll("2026-12-2", "2099-12-2");
    for (const [there, here] of ids) changed = changed.replaceAll(there, here);
    return changed;
  }
});

test("every difference is one of an exchange that there is", () => {
  const labels = new Set(exchanges.map(({ label }) => label));
  expect(Object.keys(DIFFERENCES).filter((label) => !labels.has(label))).toEqual([]);
});

/** A body without what is different each time. */
function comparable(body: string): unknown {
  if (body.startsWith('{"type":"init"')) {
    return parseEvents(body)
      .filter(({ type }) => type !== "ping")
      .map(({ type, text }) => (type === "init" ? type : { type, text }));
  }
  const isRenewal = body.startsWith('{"expiresAt"');
  const withoutTimes = isRenewal ? body : body.replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, "a time");
  // The recorded server also counted what it had failed to make.
  const withoutTotals = withoutTimes.replace(/"total(Items|Pages)":(\d{2,}|[4-9])/g, '"total$1":"many"');
  return body.startsWith("{") ? JSON.parse(withoutTotals) : body;
}
