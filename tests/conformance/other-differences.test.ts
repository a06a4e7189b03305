import { readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { type LocalSandbox, startSandbox } from "../helpers/local-sandbox.js";
import { bodyOf, findExchange, loadFixture, type Exchange, type FixtureName } from "../helpers/fixtures.js";
import { describeIf, isolationWorks, NO_ISOLATION_REASON } from "../helpers/skips.js";
import { OTHER_DIFFERENCES, type OtherDifference } from "./other-differences.js";

const ROWS = Object.entries(OTHER_DIFFERENCES).flatMap(([fixture, differences]) =>
  Object.entries<OtherDifference>(differences).map(
    ([label, difference]) =>
      [findExchange(loadFixture(fixture as FixtureName), label), label, difference] as const,
  ),
);

test("differences that are not checked here are checked by another test", () => {
  const sources = new Map<string, string>();
  const isNamed = (file: string, label: string) => {
    const source = sources.get(file) ?? readFileSync(path.join(__dirname, "../..", file), "utf8");
    sources.set(file, source);
    return source.includes(`"${label}"`) || source.includes(`    ${label}: `);
  };
  const missing = ROWS.filter(([, label, to]) => "saidBy" in to && !isNamed(to.saidBy, label));
  expect(missing.map(([, label]) => label)).toEqual([]);
});

describeIf(
  isolationWorks,
  "conformance/other-differences",
  NO_ISOLATION_REASON,
)("the local server differs on purpose", () => {
  let sandbox: LocalSandbox;
  /** Ids here by recorded id. */
  const ids = new Map<string, string>();

  beforeAll(async () => {
    sandbox = await startSandbox({ pythonShell: "auto" });
    const { client } = sandbox;
    await sandbox.command("mkdir -p ft/a; echo > ft/a/hello.txt; echo > ~/.probe");
    const { events } = await sandbox.command("sleep 60", { background: true });
    ids.set("332bee2b411d481f9ec6de644838bb79", String(events[0]?.["text"]));
    ids.set("2cae86e0-ffcf-43c1-ac64-f4bc577ca688", sandbox.id);
    const { id } = await client.json("POST", `${sandbox.path}/snapshots`, {});
    ids.set("374dda3c-7c62-4194-91c8-e5ae89607e6d", String(id));
  });
  afterAll(() => sandbox[Symbol.asyncDispose]());

  const answered = ROWS.flatMap(([exchange, label, to]) =>
    "here" in to ? [[label, exchange, to.here] as const] : [],
  );
  test.each(answered)("%s", async (_, exchange, here) => {
    const response = await repeat(exchange);
    expect({ status: response.status, body: await response.text() }).toEqual(here);
    // Otherwise it would not be a difference.
    expect(recordedAnswer(exchange)).not.toEqual(here);
  });

  async function repeat({ request }: Exchange): Promise<Response> {
    const { method, body } = request;
    let target = request.path;
    for (const [there, actual] of ids) target = target.replaceAll(there, actual);
    const sent = body ?? undefined;
    return target.startsWith("/v1/")
      ? sandbox.client.send(method, target, sent)
      : sandbox.execd(method, target, sent);
  }
});

function recordedAnswer(exchange: Exchange): unknown {
  return { status: exchange.response.status, body: bodyOf(exchange) };
}
