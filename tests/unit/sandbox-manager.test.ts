import { beforeEach, describe, expect, test } from "@jest/globals";
import { InvalidArgumentException } from "../../src/errors.js";
import { SandboxManager } from "../../src/sandbox-manager.js";
import { errorResponse, FakeLifecycle, sandboxJson } from "../helpers/fake-server.js";
import { failureOf, settle } from "../helpers/promises.js";

const LIST = "GET /sandboxes";

let server: FakeLifecycle;
let manager: SandboxManager;
beforeEach(() => {
  server = new FakeLifecycle();
  manager = SandboxManager.create({ connectionConfig: server.config() });
});

/** A listing of so many sandboxes that can shrink and grow, served in pages as the real server does. */
class Listing {
  readonly ids: string[];

  constructor(count: number) {
    this.ids = Array.from({ length: count }, (_, index) => `s${index + 1}`);
    server.on(LIST, ({ url }) => {
      const page = Number(url.searchParams.get("page") ?? 1);
      const pageSize = Number(url.searchParams.get("pageSize") ?? 20);
      const totalItems = this.ids.length;
      const totalPages = Math.ceil(totalItems / pageSize);
      return Response.json({
        items: this.ids.slice((page - 1) * pageSize, page * pageSize).map((id) => sandboxJson(id)),
        pagination: { page, pageSize, totalItems, totalPages, hasNextPage: page < totalPages },
      });
    });
  }

  remove(id: string): void {
    this.ids.splice(this.ids.indexOf(id), 1);
  }
}

describe("a response with status 401", () => {
  const message = "unauthorized happened";
  const failureWith = async (apiKey: string): Promise<unknown> => {
    server.on(LIST, () => errorResponse(401, "unauthorized"));
    const connectionConfig = server.config({ apiKey });
    return await failureOf(SandboxManager.create({ connectionConfig }).listSandboxInfos());
  };

  test("names the option and the variable when no API key is configured", async () => {
    expect(await failureWith("")).toMatchObject({
      message: `${message}. No API key is configured: set OPEN_SANDBOX_API_KEY or apiKey.`,
    });
  });

  test("contains only the message of the server if an API key was sent", async () => {
    expect(await failureWith("wrong")).toMatchObject({ message });
  });
});

// No server that can be recorded sends these: the values are from the contract.
test("a description has the pool and the image's digest if the server sends them, even as null", async () => {
  const allocation = { mode: "pool", poolRef: "python", state: "allocated" };
  const bodies = [
    { allocation, resolvedImageDigest: "sha256:0" },
    { allocation: null, resolvedImageDigest: null },
  ];
  server.on("GET /sandboxes/s1", () => Response.json({ ...sandboxJson("s1"), ...bodies.shift() }));
  expect(await manager.getSandboxInfo("s1")).toMatchObject({ allocation, resolvedImageDigest: "sha256:0" });
  const none = { allocation: undefined, resolvedImageDigest: undefined };
  expect(await manager.getSandboxInfo("s1")).toMatchObject(none);
});

describe("the filter", () => {
  const queryOf = async (filter: Parameters<SandboxManager["listSandboxInfos"]>[0]): Promise<string> => {
    new Listing(0);
    await manager.listSandboxInfos(filter);
    return server.requests.at(-1)?.url.search ?? "";
  };

  test("is empty by default", async () => {
    expect(await queryOf({})).toBe("");
    const none = { page: undefined, pageSize: undefined, states: undefined, metadata: undefined };
    expect(await queryOf(none)).toBe("");
    expect(await queryOf({ metadata: {} })).toBe("");
  });

  test("repeats states", async () => {
    expect(await queryOf({ states: ["Running", "A,b&c"], page: 2, pageSize: 200 })).toBe(
      "?page=2&pageSize=200&state=Running&state=A%2Cb%26c",
    );
  });

  test("encodes metadata twice", async () => {
    const metadata = { a: "b&c=d", "e f": "100%+1", ü: "日本 🎉", empty: "" };
    const search = await queryOf({ metadata });
    expect(search).toMatch(/^\?metadata=[^&=+ ]*$/);
    // What the server does: once as a parameter of the URL, and once more as a query of its own.
    const inner = new URLSearchParams(search).get("metadata") ?? "";
    expect(inner.split("&")).toHaveLength(4);
    expect(Object.fromEntries(new URLSearchParams(inner))).toEqual(metadata);
  });

  test.each<[string, unknown]>([
    ["states", { states: [] }],
    ["states", { states: "Running" }],
    ["states", { states: [" "] }],
    ["page", { page: 0 }],
    ["page", { page: 1.5 }],
    ["pageSize", { pageSize: 201 }],
    ["metadata", { metadata: { a: undefined } }],
    ["metadata", { metadata: { a: 1 } }],
    ["metadata", { metadata: "a=b" }],
  ])("refuses bad %s: %j", async (name, filter) => {
    const failure = await failureOf(manager.listSandboxInfos(filter as object));
    expect(failure).toBeInstanceOf(InvalidArgumentException);
    expect(String(failure)).toContain(name);
    expect(server.requests).toHaveLength(0);
  });

  test("of snapshots has sandbox and name", async () => {
    server.on("GET /snapshots", () => Response.json({ items: [] }));
    const page = await manager.listSnapshots({
      sandboxId: "a b",
      name: "n&m",
      states: ["Ready", "Failed"],
      page: 1,
    });
    expect(page.items).toEqual([]);
    expect(server.only("GET /snapshots").url.search).toBe(
      "?page=1&state=Ready&state=Failed&sandboxId=a%20b&name=n%26m",
    );
    for (const filter of [{ sandboxId: "" }, { name: " " }, { states: [] }]) {
      expect(await failureOf(manager.listSnapshots(filter))).toBeInstanceOf(InvalidArgumentException);
    }
  });
});

describe("a page", () => {
  const idsOf = async (
    page: AsyncIterable<{ readonly id: string }>,
    each: (id: string) => unknown = () => undefined,
  ) => {
    const ids: string[] = [];
    for await (const { id } of page) {
      ids.push(id);
      await each(id);
    }
    return ids;
  };

  test("ends if the server returns the same page again and again", async () => {
    const pagination = { page: 1, pageSize: 1, totalItems: 2, totalPages: 2, hasNextPage: true };
    server.on("GET /sandboxes", (_, count) => {
      if (count > 3) throw new Error("It was asked for again.");
      return Response.json({ items: [sandboxJson("a")], pagination });
    });
    const failure = await failureOf(idsOf(await manager.listSandboxInfos()));
    expect(failure).toMatchObject({ error: { code: "UNEXPECTED_RESPONSE" } });
    expect(String(failure)).toContain("Expected page 2 of the listing; the server sent page 1.");
  });

  test("iterates over all later items, and can be iterated again", async () => {
    const { ids } = new Listing(7);
    const page = await manager.listSandboxInfos({ pageSize: 3, states: ["Running"] });
    expect(page.items).toHaveLength(3);
    expect(server.requests).toHaveLength(1);
    expect(await idsOf(page)).toEqual(ids);
    expect(server.requests.slice(1).map(({ url }) => url.search)).toEqual([
      "?page=2&pageSize=3&state=Running",
      "?page=3&pageSize=3&state=Running",
    ]);
    expect(await idsOf(page)).toEqual(ids);
  });

  test("begins at the requested page", async () => {
    new Listing(5);
    expect(await idsOf(await manager.listSandboxInfos({ pageSize: 2, page: 2 }))).toEqual(["s3", "s4", "s5"]);
  });

  test("has a next page until the last", async () => {
    new Listing(3);
    const first = await manager.listSandboxInfos({ pageSize: 2 });
    const second = await first.nextPage();
    expect(second?.items.map(({ id }) => id)).toEqual(["s3"]);
    expect(await second?.nextPage()).toBeUndefined();
  });

  test.each([1, 2, 3, 10])(
    "leaves none out when each is deleted on the way, with %i on a page",
    async (pageSize) => {
      const listing = new Listing(11);
      const all = [...listing.ids];
      const page = await manager.listSandboxInfos({ pageSize });
      expect(await idsOf(page, (id) => listing.remove(id))).toEqual(all);
      expect(listing.ids).toEqual([]);
    },
  );

  test("skips none when every other one is deleted meanwhile", async () => {
    const listing = new Listing(12);
    const all = [...listing.ids];
    let count = 0;
    const seen = await idsOf(await manager.listSandboxInfos({ pageSize: 3 }), (id) => {
      if ((count += 1) % 2 === 0) listing.remove(id);
    });
    expect([...seen].sort()).toEqual(all.sort());
  });

  test("returns none twice when others are created meanwhile", async () => {
    const listing = new Listing(6);
    const all = [...listing.ids];
    const seen = await idsOf(await manager.listSandboxInfos({ pageSize: 2 }), (id) =>
      listing.ids.unshift(`new-${id}`),
    );
    expect(seen.filter((id) => !id.startsWith("new"))).toEqual(all);
    expect(new Set(seen).size).toBe(seen.length);
  });

  test("rejects with the reason of the listing's signal", async () => {
    new Listing(4);
    const controller = new AbortController();
    const page = await manager.listSandboxInfos({ pageSize: 2 }, { signal: controller.signal });
    const failure = failureOf(
      idsOf(page, (id) => {
        if (id === "s2") controller.abort("enough");
      }),
    );
    expect(await failure).toBe("enough");
    expect(server.requests).toHaveLength(1);
  });

  test("works without the pagination of the server", async () => {
    server.on(LIST, () => Response.json({ items: [sandboxJson("a")] }));
    const page = await manager.listSandboxInfos();
    expect(page.pagination).toEqual({
      page: 1,
      pageSize: 1,
      totalItems: 1,
      totalPages: 1,
      hasNextPage: false,
    });
    expect(await idsOf(page)).toEqual(["a"]);
  });

  test("without items is unexpected", async () => {
    server.on(LIST, () => Response.json({}));
    expect(await failureOf(manager.listSandboxInfos())).toMatchObject({
      error: { code: "UNEXPECTED_RESPONSE" },
    });
  });
});

describe("calls by id", () => {
  const calls: readonly (readonly [string, (id: string) => Promise<unknown>])[] = [
    ["getSandboxInfo", (id) => manager.getSandboxInfo(id)],
    ["killSandbox", (id) => manager.killSandbox(id)],
    ["pauseSandbox", (id) => manager.pauseSandbox(id)],
    ["resumeSandbox", (id) => manager.resumeSandbox(id)],
    ["renewSandbox", (id) => manager.renewSandbox(id, 60)],
    ["patchSandboxMetadata", (id) => manager.patchSandboxMetadata(id, {})],
    ["createSnapshot", (id) => manager.createSnapshot(id)],
    ["getSnapshot", (id) => manager.getSnapshot(id)],
    ["deleteSnapshot", (id) => manager.deleteSnapshot(id)],
  ];

  test.each(calls)("%s rejects invalid ids before sending anything", async (_, call) => {
    for (const id of ["", " ", ".", "..", 5] as string[]) {
      expect(await failureOf(call(id))).toBeInstanceOf(InvalidArgumentException);
    }
    expect(server.requests).toHaveLength(0);
  });

  test.each(calls)("%s encodes the id, and its error contains it", async (name, call) => {
    const failure = await failureOf(call("a/b?c"));
    expect(server.requests[0]?.url.href).toContain("/a%2Fb%3Fc");
    expect(failure).toMatchObject({
      statusCode: 404,
      sandboxId: /^(get|delete)Snapshot/.test(name) ? undefined : "a/b?c",
    });
  });

  test("killSandbox throws 404 each time, without any memory of earlier calls", async () => {
    server.on("DELETE /sandboxes/x", () => errorResponse(404, "DOCKER::SANDBOX_NOT_FOUND"));
    for (let time = 0; time < 2; time += 1) {
      expect(await failureOf(manager.killSandbox("x"))).toMatchObject({ statusCode: 404, sandboxId: "x" });
    }
  });
});

test("close ends calls under way, and later ones, with CLOSED", async () => {
  server.hang(LIST);
  const failure = failureOf(manager.listSandboxInfos());
  await settle();
  {
    await using closing = manager;
    expect(closing.connectionConfig.domain).toBe("lifecycle.test");
  }
  expect(await failure).toMatchObject({ error: { code: "CLOSED" } });
  expect(await failureOf(manager.getSandboxInfo("x"))).toMatchObject({ error: { code: "CLOSED" } });
  await manager.close();
});

test("create refuses a bad configuration", () => {
  expect(() => SandboxManager.create({ connectionConfig: { domain: "" } })).toThrow(InvalidArgumentException);
});
