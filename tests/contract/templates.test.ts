import { beforeEach, describe, expect, test } from "@jest/globals";
import { SandboxManager } from "../../src/sandbox-manager.js";
import type { CreateTemplateOptions } from "../../src/lifecycle/templates.js";
import { errorResponse, FakeLifecycle } from "../helpers/fake-server.js";
import { collect, failureOf } from "../helpers/promises.js";

const wire = (templateId: string, fields: object = {}) => ({
  templateId,
  image: "python:3.12",
  publish: "s3://bucket/path",
  format: "overlaybd",
  status: { phase: "Pending" },
  createdAt: "2026-11-23T17:02:20Z",
  updatedAt: "2026-11-23T17:03:20Z",
  ...fields,
});
const OPTIONS = { image: "python:3.12", publish: "s3://bucket/path" };

let server: FakeLifecycle;
let manager: SandboxManager;
beforeEach(() => {
  server = new FakeLifecycle();
  manager = SandboxManager.create({ connectionConfig: server.config() });
});

// No recorded server has templates: the responses are built by the contract.
describe("templates (hand-built)", () => {
  test("are created with all options, and read in full", async () => {
    const status = { phase: "Failed", message: "no such image", manifestRef: "r" };
    server.on("POST /templates", () =>
      Response.json(wire("fsb-1", { status, metadata: { a: "b" }, entrypoint: ["x"] }), { status: 201 }),
    );
    const template = await manager.createTemplate({
      ...OPTIONS,
      resource: { disk: "4Gi" },
      readiness: { warmupSeconds: 5 },
      format: "native",
    });
    expect(server.only("POST /templates").body).toEqual({
      ...OPTIONS,
      resourceLimits: { disk: "4Gi" },
      readiness: { warmupSeconds: 5 },
      format: "native",
    });
    expect(template).toEqual({
      id: "fsb-1",
      ...OPTIONS,
      format: "overlaybd",
      status,
      entrypoint: ["x"],
      metadata: { a: "b" },
      createdAt: new Date("2026-11-23T17:02:20Z"),
      updatedAt: new Date("2026-11-23T17:03:20Z"),
    });
  });

  test("are listed over all pages, with their labels in the filter", async () => {
    server.on("GET /templates", ({ url }) => {
      const page = Number(url.searchParams.get("page") ?? 1);
      const pagination = { page, pageSize: 1, totalItems: 2, totalPages: 2, hasNextPage: page < 2 };
      return Response.json({ items: [wire(`fsb-${page}`)], pagination });
    });
    const found = await collect(await manager.listTemplates({ metadata: { team: "a" } }));
    expect(found.map(({ id }) => id)).toEqual(["fsb-1", "fsb-2"]);
    expect(server.requests[0]?.url.searchParams.get("metadata")).toBe("team=a");
  });

  test("are deleted, and unknown ones are an error", async () => {
    server.on("DELETE /templates/fsb-1", () => new Response(null, { status: 204 }));
    await manager.deleteTemplate("fsb-1");
    server.on("GET /templates/fsb-2", () => errorResponse(404, "TEMPLATE::NOT_FOUND"));
    expect(await failureOf(manager.getTemplate("fsb-2"))).toMatchObject({ statusCode: 404 });
  });

  test("of a response without a field are an error", async () => {
    server.on("GET /templates/fsb-1", () => Response.json(wire("fsb-1", { status: {} })));
    expect(await failureOf(manager.getTemplate("fsb-1"))).toMatchObject({ code: "UNEXPECTED_RESPONSE" });
  });

  test.each<[string, object]>([
    ["image", { publish: "p" }],
    ["publish", { image: "i", publish: " " }],
    ["entrypoint", { ...OPTIONS, entrypoint: [] }],
    ["readiness.warmupSeconds", { ...OPTIONS, readiness: { warmupSeconds: -1 } }],
    ["format", { ...OPTIONS, format: "zip" }],
  ])("with a bad %s are refused before anything is sent", async (name, options) => {
    const failure = await failureOf(manager.createTemplate(options as CreateTemplateOptions));
    expect(failure).toMatchObject({ code: "INVALID_ARGUMENT" });
    expect(String(failure)).toContain(name);
    expect(server.requests).toEqual([]);
  });
});
