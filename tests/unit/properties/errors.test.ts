import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { SandboxApiException } from "../../../src/errors.js";
import { RetryPolicy } from "../../../src/retry-policy.js";
import { readServerMessage } from "../../../src/transport/server-message.js";
import { failureOf } from "../../helpers/promises.js";
import { transportTo } from "../transport/test-transport.js";
import { RUNS } from "./runs.js";

const LONGEST_MESSAGE = 1_000;
const said = fc.string({ unit: "binary", maxLength: 40 }).filter((text) => text.trim() !== "");
const body = fc.oneof(
  fc.string({ unit: "binary", maxLength: 200 }),
  fc.json(),
  fc.anything().map((value) => JSON.stringify({ value })),
  fc
    .record(
      { code: fc.jsonValue(), message: fc.jsonValue(), detail: fc.jsonValue(), error: fc.jsonValue() },
      { requiredKeys: [] },
    )
    .map((value) => JSON.stringify(value)),
  fc.string().map((text) => `<html><title>${text}</title>`),
  fc.constant("x".repeat(3_000)),
);

test("reads a code and message, bounded and not empty, from any body", () => {
  fc.assert(
    fc.property(body, (text) => {
      const { code, message } = readServerMessage(text);
      if (code !== undefined) expect(code.trim()).not.toBe("");
      if (message !== undefined) {
        expect(message.trim()).not.toBe("");
        expect(message.length).toBeLessThanOrEqual(LONGEST_MESSAGE);
      }
    }),
    RUNS,
  );
});

test("reads the message from every known shape", () => {
  fc.assert(
    fc.property(said, said, (code, message) => {
      const trimmed = message.trim();
      const read = (value: unknown) => readServerMessage(JSON.stringify(value));
      expect(read({ code, message })).toEqual({ code: code.trim(), message: trimmed });
      for (const shape of [
        { detail: message },
        { error: message },
        { message },
        { detail: [{ msg: message }] },
        { detail: { message } },
      ]) {
        expect(read(shape)).toEqual({ code: undefined, message: trimmed });
      }
    }),
    RUNS,
  );
});

test("any error of a server is an exception with its status, its request's id and no body in its JSON", async () => {
  const status = fc.integer({ min: 400, max: 599 });
  const header = fc.oneof(
    fc.nat().map(String),
    fc.stringMatching(/^[ -~]{0,20}$/),
    fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
  );
  await fc.assert(
    fc.asyncProperty(status, body, header, async (code, text, retryAfter) => {
      const marked = `${text}${" ".repeat(2)}`;
      const { client, json } = transportTo("http://execd.test", {
        retryPolicy: RetryPolicy.disabled,
        fetch: () =>
          Promise.resolve(
            new Response(marked, {
              status: code,
              headers: { "x-request-id": "r-1", "retry-after": retryAfter },
            }),
          ),
      });
      const failure = await failureOf(client.GET("/things", json()));
      if (!(failure instanceof SandboxApiException)) throw failure;
      expect(failure).toMatchObject({ statusCode: code, requestId: "r-1", sandboxId: "sandbox-1" });
      expect(failure.message).not.toBe("");
      expect(failure.message.length).toBeLessThanOrEqual(LONGEST_MESSAGE);
      expect(JSON.parse(JSON.stringify(failure))).not.toHaveProperty("rawBody");
    }),
    RUNS,
  );
});
