import { describe, expect, test } from "@jest/globals";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { InvalidArgumentException, SandboxApiException, SandboxException } from "../../src/errors.js";

const SOURCES = path.join(__dirname, "../../src");

describe("the code of an exception", () => {
  test("is a property of its own, beside the one in `error`", () => {
    const error = new SandboxException({ code: "CLOSED", message: "closed" });
    expect([error.code, error.error.code, error.toJSON().code]).toEqual(["CLOSED", "CLOSED", "CLOSED"]);
    expect(new InvalidArgumentException("no").code).toBe("INVALID_ARGUMENT");
    expect(new SandboxApiException({ code: "A::B", message: "", statusCode: 400 }).code).toBe("A::B");
  });

  test("is in SdkErrorCode wherever the package sets one, the local server's included", () => {
    const [, union = ""] = /export type SdkErrorCode =([^;]*);/.exec(read("errors.ts")) ?? [];
    const listed = new Set([...union.matchAll(/"(\w+)"/g)].map(([, code]) => code));
    const files = readdirSync(SOURCES, { recursive: true, encoding: "utf8" }).filter((file) =>
      file.endsWith(".ts"),
    );
    const thrown = files.flatMap((file) =>
      [...read(file).matchAll(/new Sandbox\w*Exception\(\s*\{[^}]*?\bcode: "(\w+)"/g)].map(
        ([, code]) => code,
      ),
    );
    expect(thrown.length).toBeGreaterThan(10);
    expect(thrown.filter((code) => !listed.has(code))).toEqual([]);
  });
});

function read(file: string): string {
  return readFileSync(path.join(SOURCES, file), "utf8");
}
