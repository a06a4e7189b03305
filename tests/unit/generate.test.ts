import { describe, expect, test } from "@jest/globals";
import { cp, mkdir } from "node:fs/promises";
import {
  generateProject,
  loadDocuments,
  ProjectCopy,
  runGenerator,
  type Schema,
} from "../helpers/documents.js";
import { succeed } from "../package/programs.js";

const COMMAND = "npm run generate";
/** Compiles programs: slow on a busy machine. */
const TIMEOUT_MILLIS = 120_000;

/** The smallest document. */
const SMALL_DOCUMENT = `
openapi: 3.1.0
info: { title: Small server, version: 1.0.0 }
security: []
tags: [{ name: Presence, description: Whether it is there. }]
paths:
  /there:
    get:
      operationId: isThere
      tags: [Presence]
      description: Says that it is there.
      responses:
        "200": { description: It is there. }
components:
  schemas: {}
`;

describe("the project", () => {
  test("has up-to-date generated files", async () => {
    expect(await generateProject({ check: true })).toMatchObject({ exitCode: 0, stdout: "", stderr: "" });
  });

  test("describes every property of every schema", async () => {
    for (const [document, { components }] of Object.entries(await loadDocuments())) {
      for (const [name, schema] of Object.entries(components.schemas)) {
        expect({ document, name, lacking: undescribed(schema) }).toEqual({ document, name, lacking: [] });
      }
    }
  });
});

describe("generating", () => {
  test("writes the same bytes in every run and every directory", async () => {
    await using copy = await ProjectCopy.create();
    const before = await copy.readAll("generated");
    await mkdir(copy.path("elsewhere"));
    const elsewhere = { out: copy.path("elsewhere/new") };
    expect((await copy.generate(elsewhere)).exitCode).toBe(0);
    expect(await copy.readAll("elsewhere/new")).toEqual(before);
    const again = await copy.generate(elsewhere);
    expect(again).toMatchObject({ exitCode: 0, stderr: "" });
    expect(again.stdout).toContain("up to date");
    expect(await copy.readAll("elsewhere/new")).toEqual(before);
  });

  test("marks its files: their document, their command, and not to edit them", async () => {
    await using copy = await ProjectCopy.create();
    for (const [name, text] of Object.entries(await copy.readAll("generated"))) {
      const header = text.slice(0, text.indexOf("*/"));
      expect(header).toContain(`openapi/${name.replace(/\.ts$/, ".yaml")}`);
      expect(header).toContain("Do not edit");
      expect(header).toContain(COMMAND);
    }
  });

  test("adds a new document, and names its client after it", async () => {
    await using copy = await ProjectCopy.create();
    await copy.write("openapi/small-server.yaml", SMALL_DOCUMENT);
    expect((await copy.generate()).stdout).toContain("small-server.ts: written");
    const text = await copy.read("generated/small-server.ts");
    expect(text).toContain(
      "export function createSmallServerClient(options: ClientOptions): SmallServerClient",
    );
    expect(await copy.check("generated/small-server.ts")).toEqual([]);
  });

  test("says in the doc comments which servers have what is newer", async () => {
    await using copy = await ProjectCopy.create();
    await copy.changeSchema("execd", "CodeContext", (schema) => {
      Object.assign(schema.properties ?? {}, {
        owner: { type: "string", description: "Whose it is.", "x-since": "May 2031" },
      });
    });
    await copy.generate();
    expect(await copy.read("generated/execd.ts")).toMatch(
      /Whose it is\.\n[ *]*\n[ *]*Needs a server of May 2031 or later\.\n[ *]*\/\n\s*owner\?: string;/,
    );
  });

  test("removes files without a document, and no file that it did not write", async () => {
    await using copy = await ProjectCopy.create();
    await cp(copy.path("generated/execd.ts"), copy.path("generated/gone.ts"));
    await copy.write("generated/mine.ts", "export const mine = 1;\n");
    const { exitCode, stderr } = await copy.generate();
    expect(exitCode).toBe(1);
    expect(stderr).toContain("mine.ts: not a generated file; not removed");
    expect(Object.keys(await copy.readAll("generated"))).toEqual([
      "diagnostics.ts",
      "egress.ts",
      "execd.ts",
      "lifecycle.ts",
      "mine.ts",
    ]);
  });
});

describe("checking fails, names the file and the command, and writes nothing,", () => {
  test.each([
    [
      "when a document was changed",
      async (copy: ProjectCopy) => {
        await copy.replace("openapi/execd.yaml", "operationId: ping", "operationId: pong");
      },
      "execd.ts: stale",
    ],
    [
      "when a generated file was edited",
      async (copy: ProjectCopy) => {
        await copy.write("generated/lifecycle.ts", `${await copy.read("generated/lifecycle.ts")}\n`);
      },
      "lifecycle.ts: stale",
    ],
    [
      "when a document is new",
      async (copy: ProjectCopy) => {
        await copy.write("openapi/small.yaml", SMALL_DOCUMENT);
      },
      "small.ts: missing",
    ],
    [
      "when there is an extra file",
      async (copy: ProjectCopy) => {
        await copy.write("generated/mine.ts", "");
      },
      "mine.ts: superfluous",
    ],
  ])("%s", async (_, change, message) => {
    await using copy = await ProjectCopy.create();
    await change(copy);
    const before = await copy.readAll("generated");
    const { exitCode, stderr } = await copy.generate({ check: true });
    expect(exitCode).toBe(1);
    expect(stderr).toContain(message);
    expect(stderr).toContain(COMMAND);
    expect(await copy.readAll("generated")).toEqual(before);
  });
});

describe("a document is refused, with the place, and nothing is written,", () => {
  test.each([
    ["without an operation id", "operationId: ping\n", "\n", /execd\.yaml:\d+:\d+: .*operationId/],
    [
      "with an operation id twice",
      "operationId: runCode\n",
      "operationId: ping\n",
      /execd\.yaml:\d+:\d+: .*unique/,
    ],
    ["with an operation id in another case", "operationId: ping\n", "operationId: is_up\n", /camelCase/],
    [
      "with an operation that is not described",
      /description: \|\n\s+Responds as soon(.|\n)*?(?=\s+responses:)/,
      "",
      /description/,
    ],
    [
      "with a reference to nothing",
      "responses/FileInfoByPath",
      "responses/Nothing",
      /execd\.yaml:\d+:\d+: .*resolve/,
    ],
    [
      "with a key that OpenAPI does not have",
      "operationId: ping\n",
      "operationId: ping\n      nope: 1\n",
      /`nope`/,
    ],
    ["of another version", "openapi: 3.1.0", "openapi: 3.0.3", /execd\.yaml: openapi must be 3\.1/],
    ["with invalid YAML", "paths:\n", "paths: [\n", /execd\.yaml.*/],
  ])("%s", async (_, old, replacement, message) => {
    await using copy = await ProjectCopy.create();
    const text = await copy.read("openapi/execd.yaml");
    const changed = text.replace(old, () => replacement);
    expect(changed).not.toBe(text);
    await copy.write("openapi/execd.yaml", changed);
    const before = await copy.readAll("generated");
    const { exitCode, stderr } = await copy.generate();
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(exitCode).toBe(1);
    expect(await copy.readAll("generated")).toEqual(before);
  });

  test("together with the errors of other documents", async () => {
    await using copy = await ProjectCopy.create();
    await copy.replace("openapi/execd.yaml", "operationId: ping\n", "\n");
    await copy.replace("openapi/lifecycle.yaml", "operationId: getSandbox\n", "\n");
    const { stderr } = await copy.generate();
    expect(stderr).toContain("execd.yaml:");
    expect(stderr).toContain("lifecycle.yaml:");
  });
});

test("an unknown option is an error that shows the usage", async () => {
  const { exitCode, output } = await runGenerator("--nope");
  expect(exitCode).toBe(2);
  expect(output).toContain("usage:");
});

test("the changes for users since the last commit are printed", async () => {
  await using copy = await ProjectCopy.create();
  const git = (...args: string[]) =>
    succeed("git", ["-c", "user.name=t", "-c", "user.email=t@t.invalid", ...args], copy.directory);
  await git("init", "--quiet");
  await git("add", "openapi");
  await git("commit", "--quiet", "--message", "before");
  expect((await copy.generate({ check: true })).stdout).toBe("");
  await copy.changeSchema("execd", "CodeContext", (schema) => {
    Object.assign(schema.properties ?? {}, { owner: { type: "string", description: "Whose it is." } });
    Reflect.deleteProperty(schema.properties ?? {}, "language");
    schema.required = [];
  });
  expect((await copy.generate({ check: true })).stdout.split("\n")).toEqual([
    "execd.yaml changes for users: 2, of which 1 breaking",
    "  BREAKING  schema CodeContext: field language removed",
    "            schema CodeContext: field owner added",
    "",
  ]);
});

test("watching generates again when a document changes, even after one that was rejected", async () => {
  await using copy = await ProjectCopy.create();
  await using watching = copy.watch();
  await watching.untilPrinted("Watching");
  await copy.replace("openapi/execd.yaml", "operationId: ping\n", "operationId: is_up\n");
  await watching.untilPrinted("camelCase");
  await copy.replace("openapi/execd.yaml", "operationId: is_up\n", "operationId: askWhetherUp\n");
  await watching.untilPrinted("execd.ts: written");
  expect(await copy.read("generated/execd.ts")).toContain("askWhetherUp");
});

describe("a field that is added to a document", () => {
  const USE = `
import { createExecdClient, type components } from "./generated/execd.js";

const client = createExecdClient({ baseUrl: "http://127.0.0.1" });
export const answer = client.POST("/command", { body: { command: "ls", niceness: 5 } });
export const request: components["schemas"]["RunCommandRequest"] = { command: "ls", niceness: 5 };
`;

  test(
    "can be used after generating, and not before",
    async () => {
      await using copy = await ProjectCopy.create();
      await copy.write("use.ts", USE);
      expect((await copy.check("use.ts")).join("\n")).toContain("niceness");
      await copy.changeSchema("execd", "RunCommandRequest", ({ properties }) => {
        Object.assign(properties ?? {}, { niceness: { type: "integer", description: "How nice it is." } });
      });
      expect((await copy.generate()).exitCode).toBe(0);
      expect(await copy.check("use.ts")).toEqual([]);
    },
    TIMEOUT_MILLIS,
  );
});

describe("a breaking change of a document fails the type check of the file that uses it:", () => {
  // That each file has no errors before the change is what `npm run typecheck` says.
  test.each([
    ["execd", "RunCodeRequest", "code is renamed", renamed("code", "source"), "src/services/codes.ts"],
    ["execd", "CodeContext", "language is a number", retyped("language"), "src/services/codes.ts"],
    ["execd", "RunCommandRequest", "cwd is required", demanded("cwd"), "src/services/commands.ts"],
    ["lifecycle", "Sandbox", "expiresAt is renamed", renamed("expiresAt", "endsAt"), "src/lifecycle/info.ts"],
    [
      "lifecycle",
      "RenewSandboxExpirationRequest",
      "expiresAt is renamed",
      renamed("expiresAt", "endsAt"),
      "src/lifecycle/management.ts",
    ],
  ])(
    "%s: of %s, %s",
    async (document, schema, _, change, file) => {
      await using copy = await ProjectCopy.create("src");
      await copy.changeSchema(document, schema, change);
      expect(await copy.generate()).toMatchObject({ exitCode: 0 });
      expect(await copy.check(file)).not.toEqual([]);
    },
    TIMEOUT_MILLIS,
  );
});

/** The paths to the properties of a schema that have no description. */
function undescribed(schema: unknown, at = ""): string[] {
  if (typeof schema !== "object" || schema === null) return [];
  const own =
    "properties" in schema && typeof schema.properties === "object" ? (schema.properties ?? {}) : {};
  return Object.entries(own).flatMap(([name, property]: [string, unknown]) => {
    const place = `${at}/${name}`;
    const isDescribed = typeof property === "object" && property !== null && "description" in property;
    return [...(isDescribed ? [] : [place]), ...undescribed(property, place)];
  });
}

function renamed(from: string, to: string): (schema: Schema) => void {
  return (schema) => {
    const { [from]: property, ...others } = schema.properties ?? {};
    if (property === undefined) throw new RangeError(`There is no property ${from}.`);
    schema.properties = { ...others, [to]: property };
    if (schema.required) schema.required = schema.required.map((name) => (name === from ? to : name));
  };
}

function retyped(name: string): (schema: Schema) => void {
  return ({ properties }) => {
    Object.assign(properties ?? {}, { [name]: { type: "integer", description: "A number now." } });
  };
}

function demanded(name: string): (schema: Schema) => void {
  return (schema) => {
    schema.required = [...(schema.required ?? []), name];
  };
}
