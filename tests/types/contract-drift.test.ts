import { describe, expect, test } from "@jest/globals";
import { ProjectCopy, type Schema } from "../helpers/documents.js";

/** Compiles programs: slow on a busy machine. */
const TIMEOUT_MILLIS = 120_000;

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
      "src/lifecycle/lifecycle.ts",
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
