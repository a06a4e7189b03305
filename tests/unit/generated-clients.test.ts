import { describe, expect, test } from "@jest/globals";
import { createExecdClient, type components as Execd } from "../../generated/execd.js";
import { createLifecycleClient, type components as Lifecycle } from "../../generated/lifecycle.js";

const baseUrl = "http://sandbox.test";

describe("a generated client", () => {
  test("puts encoded values into the path", async () => {
    const { fetch, requests } = recording(Response.json({ endpoint: "127.0.0.1:40000" }));
    const client = createLifecycleClient({ baseUrl: `${baseUrl}/v1`, fetch });
    const { data } = await client.GET("/sandboxes/{sandboxId}/endpoints/{port}", {
      params: { path: { sandboxId: "a/b", port: 8080 }, query: { use_server_proxy: true } },
    });
    expect(requests[0]?.url).toBe(`${baseUrl}/v1/sandboxes/a%2Fb/endpoints/8080?use_server_proxy=true`);
    expect(data?.endpoint).toBe("127.0.0.1:40000");
  });

  test("repeats a query parameter for each of its values", async () => {
    const { fetch, requests } = recording(Response.json({}));
    const client = createExecdClient({ baseUrl, fetch });
    const { data } = await client.GET("/files/info", { params: { query: { path: ["/a b", "/c&d"] } } });
    expect(requests[0]?.url).toBe(`${baseUrl}/files/info?path=%2Fa%20b&path=%2Fc%26d`);
    const info: Execd["schemas"]["FileInfo"] | undefined = data?.["/a b"];
    expect(info).toBeUndefined();
  });

  test("returns text as a string, with its headers", async () => {
    const { fetch } = recording(new Response("l1\n", { headers: { "EXECD-COMMANDS-TAIL-CURSOR": "3" } }));
    const client = createExecdClient({ baseUrl, fetch });
    const { data, response } = await client.GET("/command/{id}/logs", {
      params: { path: { id: "c1" }, query: { cursor: 0 } },
      parseAs: "text",
    });
    const text: string | undefined = data;
    expect(text).toBe("l1\n");
    expect(response.headers.get("execd-commands-tail-cursor")).toBe("3");
  });

  test("returns a stream unread", async () => {
    const { fetch, requests } = recording(new Response('{"type":"init"}\n\n'));
    const client = createExecdClient({ baseUrl, fetch });
    const { data } = await client.POST("/code", {
      body: { code: "1 + 1", context: { language: "python" } },
      parseAs: "stream",
    });
    const stream: ReadableStream<Uint8Array> | null | undefined = data;
    expect(await new Response(stream).text()).toBe('{"type":"init"}\n\n');
    expect(await requests[0]?.json()).toEqual({ code: "1 + 1", context: { language: "python" } });
  });

  test("sends several files in one form", async () => {
    const { fetch, requests } = recording(new Response());
    const client = createExecdClient({ baseUrl, fetch });
    const form = new FormData();
    form.append("metadata", new Blob(['{"path":"/a"}'], { type: "application/json" }), "metadata");
    form.append("file", new Blob(["content"]), "a");
    await client.POST("/files/upload", { body: {}, bodySerializer: () => form });
    expect(requests[0]?.headers.get("content-type")).toMatch(/^multipart\/form-data; boundary=/);
    expect(await requests[0]?.text()).toContain('name="metadata"; filename="metadata"');
  });

  test("returns the body of an error separately from data", async () => {
    const { fetch } = recording(Response.json({ code: "FILE_NOT_FOUND", message: "no" }, { status: 404 }));
    const client = createExecdClient({ baseUrl, fetch });
    const { data, error, response } = await client.GET("/files/search", {
      params: { query: { path: "/x" } },
    });
    expect(data).toBeUndefined();
    expect(error).toEqual({ code: "FILE_NOT_FOUND", message: "no" });
    expect(response.status).toBe(404);
  });
});

describe("generated types", () => {
  test("require no value if the server has a default", () => {
    const command: Execd["schemas"]["RunCommandRequest"] = { command: "ls" };
    const pvc: Lifecycle["schemas"]["PVC"] = { claimName: "data" };
    expect([command, pvc]).toHaveLength(2);
  });

  test("make fields optional that servers leave out, even if the contract requires them", () => {
    const sandbox: Lifecycle["schemas"]["Sandbox"] = { id: "1", status: { state: "Running" }, createdAt: "" };
    const error: Execd["schemas"]["ErrorResponse"] = { code: "UNKNOWN" };
    expect([sandbox.entrypoint, error.message]).toEqual([undefined, undefined]);
  });

  test("allow unknown states", () => {
    const state: Lifecycle["schemas"]["SandboxState"] = "Hibernating";
    const snapshotState: Lifecycle["schemas"]["SnapshotState"] = "Thawing";
    expect([state, snapshotState]).toHaveLength(2);
  });

  test("are strict for requests", async () => {
    const { fetch } = recording(new Response());
    const client = createExecdClient({ baseUrl, fetch });
    // @ts-expect-error -- The code is required.
    await client.POST("/code", { body: {} });
    // @ts-expect-error -- Optional is not undefined.
    await client.POST("/command", { body: { command: "ls", cwd: undefined } });
    // @ts-expect-error -- There is no such path.
    await client.GET("/nothing");
    expect.assertions(0);
  });
});

/** A `fetch` that keeps the requests and gives a response. */
function recording(answer: Response): {
  fetch: (request: Request) => Promise<Response>;
  requests: Request[];
} {
  const requests: Request[] = [];
  return {
    requests,
    fetch: (request) => {
      requests.push(request);
      return Promise.resolve(answer.clone());
    },
  };
}
