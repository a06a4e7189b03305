import { describe, expect, test } from "@jest/globals";
import { FACADE_CALLS, observe, type Observed } from "../helpers/facade-calls.js";
import { bodyOf } from "../helpers/fixtures.js";
import { parseMultipart } from "../helpers/multipart.js";
import { loadOperations, loadRecordedOperations, type Operation } from "../helpers/operations.js";
import { Schemas } from "../helpers/schemas.js";

/** Where real servers differ from the documents, how often, and why. */
const DIFFERENCES: Readonly<Record<string, { readonly times: number; readonly because: string }>> = {
  "runCode 200: /error/traceback must be array": {
    times: 1,
    because: "Go writes an empty list as null after a database failure; the SDK reads it as an empty list",
  },
  "downloadFile 304: the status is not in the document": {
    times: 1,
    because:
      "Go's file server heeds If-Modified-Since, which the contract does not know and the SDK never sends",
  },
  "downloadFile 416: application/octet-stream is not expected": {
    times: 1,
    because: "Go's file server keeps the type that the file would have had; the text is the same",
  },
  "getDiagnosticLogs 200: text/plain is not expected": {
    times: 1,
    because: "without a scope an older operation on the same path responds with plain text",
  },
  "getDiagnosticLogs 422: the status is not in the document": {
    times: 1,
    because: "the older operation checks its parameter `tail`, which the contract does not know",
  },
  "createTerminal 500: it is not JSON": {
    times: 1,
    because: "execd goes on after the failure, and a second object follows the first",
  },
  "ping 404: the status is not in the document": {
    times: 1,
    because: "it is the lifecycle server's, which knows of no such sandbox to send the request on to",
  },
};

const schemas = new Schemas();
const operations = loadOperations();
const { recorded } = loadRecordedOperations(operations);

describe("recorded responses", () => {
  test("match the documents except for the listed differences, all of which occur", () => {
    const found: Record<string, number> = {};
    for (const { operation, exchange } of recorded) {
      const { status, headers } = exchange.response;
      // The server did not respond.
      if (status === null) continue;
      for (const fault of faultsOfAnswer(operation, status, typeIn(headers), bodyOf(exchange))) {
        const difference = `${operation.id} ${status}: ${fault}`;
        found[difference] = (found[difference] ?? 0) + 1;
      }
    }
    expect(found).toEqual(
      Object.fromEntries(Object.entries(DIFFERENCES).map(([difference, { times }]) => [difference, times])),
    );
  });

  test.each([
    [
      "a field is missing",
      '{"session":"s"}',
      ["/ must have required property 'session_id'", added("session")],
    ],
    ["a field is of another type", '{"session_id":1}', ["/session_id must be string"]],
    ["a field is not in the document", '{"session_id":"s","x":1}', [added("x")]],
  ])("would be told from others: %s", (_, body, faults) => {
    expect(faultsOfAnswer(operation("createSession"), 200, "application/json", body)).toEqual(faults);
  });

  test.each([
    ["the status", "createSession", 299, "application/json", "{}", "the status is not in the document"],
    ["the type", "createSession", 200, "text/html", "<p>", "text/html is not expected"],
    ["a body", "deleteSession", 200, "application/json", "{}", "there is a body"],
    [
      "an event",
      "runCode",
      200,
      "text/event-stream",
      '{"type":"nope"}',
      "/type must be equal to one of the allowed values",
    ],
  ])("would be told by %s", (_, id, status, type, body, fault) => {
    expect(faultsOfAnswer(operation(id), status, type, body)).toEqual([fault]);
  });
});

describe("requests of the facades match the documents:", () => {
  test.each(Object.entries(FACADE_CALLS).filter(([, { operations: ids }]) => ids.length > 0))(
    "%s",
    async (_, call) => {
      for (const seen of await observe(call))
        expect([seen.operation.id, ...faultsOfRequest(seen)]).toEqual([seen.operation.id]);
    },
  );

  test.each([
    ["an unknown field", { body: '{"command":"ls","niceness":5}' }, [added("niceness")]],
    ["a wrong type", { body: '{"command":1}' }, ["/command must be string"]],
    ["no body", { body: "" }, ["there is no body"]],
    [
      "an unknown parameter",
      { url: "http://execd.test/command?nice=5", body: '{"command":"ls"}' },
      ["nice is not a parameter"],
    ],
  ])("%s would be told", (_, changes, faults) => {
    const request = { url: "http://execd.test/command", contentType: "application/json", ...changes };
    expect(faultsOfRequest({ operation: operation("runCommand"), request, answer: "recorded" })).toEqual(
      faults,
    );
  });
});

function added(field: string): string {
  return `/ must NOT have additional properties ${field}`;
}

function operation(id: string): Operation {
  const found = operations.get(id);
  if (found === undefined) throw new RangeError(`There is no operation ${id}.`);
  return found;
}

function typeIn(headers: Readonly<Record<string, string>>): string {
  return Object.entries(headers).find(([name]) => name.toLowerCase() === "content-type")?.[1] ?? "";
}

function faultsOfAnswer(
  operation: Operation,
  status: number,
  contentType: string,
  text: string,
): readonly string[] {
  const answer = schemas.answer(operation, status);
  if (answer === undefined) return ["the status is not in the document"];
  if (text === "") return [];
  if (answer["content"] === undefined) return ["there is a body"];
  const [mediaType = ""] = contentType.split(";");
  if (mediaType === "application/json" && !isJson(text)) return ["it is not JSON"];
  const values: unknown[] =
    mediaType === "text/event-stream"
      ? text.split("\n").flatMap((line) => (line.trim() === "" ? [] : [JSON.parse(line) as unknown]))
      : [mediaType === "application/json" ? (JSON.parse(text) as unknown) : text];
  return [...new Set(values.flatMap((value) => schemas.faults(operation, answer, mediaType, value)))];
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function faultsOfRequest({ operation, request: { url, contentType, body } }: Observed): readonly string[] {
  const names = schemas.queryNames(operation);
  const unknown = [...new URL(url).searchParams.keys()].filter((name) => !names.includes(name));
  const faults = unknown.map((name) => `${name} is not a parameter`);
  const expected = schemas.requestBody(operation);
  if (expected === undefined) return body === "" ? faults : [...faults, "there is a body"];
  if (body === "") return expected["required"] === true ? [...faults, "there is no body"] : faults;
  if (!contentType.startsWith("multipart/form-data")) {
    const [mediaType = ""] = contentType.split(";");
    return [...faults, ...schemas.faults(operation, expected, mediaType, JSON.parse(body))];
  }
  const parts = parseMultipart(contentType, Buffer.from(body));
  const metadata = parts.filter(({ name }) => name === "metadata");
  return [
    ...faults,
    ...parts.flatMap(({ name }, index) =>
      name === (index % 2 === 0 ? "metadata" : "file") ? [] : [`part ${index}`],
    ),
    ...metadata.flatMap(({ data }) =>
      schemas.componentFaults(operation.document, "FileMetadata", JSON.parse(data.toString())),
    ),
  ];
}
