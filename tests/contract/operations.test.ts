import { describe, expect, test } from "@jest/globals";
import { CodeInterpreter } from "../../src/code-interpreter.js";
import { SandboxManager } from "../../src/sandbox-manager.js";
import { Sandbox } from "../../src/sandbox.js";
import { Codes } from "../../src/services/codes.js";
import { Commands } from "../../src/services/commands.js";
import { Files } from "../../src/services/files.js";
import { Health } from "../../src/services/health.js";
import { Metrics } from "../../src/services/metrics.js";
import { CommandHandle } from "../../src/services/command-handle.js";
import { CredentialVault } from "../../src/services/credential-vault.js";
import { Egress } from "../../src/services/egress.js";
import { Isolated } from "../../src/services/isolated.js";
import { IsolatedSession } from "../../src/services/isolated/isolated-session.js";
import { Terminals } from "../../src/services/terminals.js";
import { CommandSession } from "../../src/services/sessions.js";
import { FACADE_CALLS, observe, type FacadeCall } from "../helpers/facade-calls.js";
import { loadOperations, loadRecordedOperations, type Operation } from "../helpers/operations.js";

const FACADES = {
  Sandbox,
  SandboxManager,
  CodeInterpreter,
  Codes,
  Commands,
  CommandHandle,
  CommandSession,
  Terminals,
  Egress,
  CredentialVault,
  Isolated,
  IsolatedSession,
  Files,
  Metrics,
  Health,
};

/** Operations that no facade has, and why. */
const EXCEPTED: Readonly<Record<string, (operation: Operation) => boolean>> = {
  "files of isolated sessions are tested in isolated.test.ts": ({ template }) =>
    /^\/v1\/isolated\/session\/\{\w+\}\/(files|directories)(\/|$)/.test(template),
  "no server has these operations of isolated sessions": ({ id }) =>
    ["diffIsolatedSession", "commitIsolatedSession"].includes(id),
  "network policies of templates are tested in egress.test.ts": ({ template }) =>
    template.endsWith("/networkpolicy"),
  "only code on the local server asks for input: see local/code-input.test.ts": ({ id }) =>
    id === "answerCodeInput",
  "the SDK sends no telemetry": ({ id }) => id === "reportMetricsEvent",
};

/** Operations of the facades that no recording has. */
const NOT_RECORDED = [
  // connectTerminal is recorded as a text: a WebSocket is more than a request and its response. Of getMetrics the stream is
  // recorded, with the same measurements. No sidecar could be recorded, and the recorded servers lack what is newer.
  "createIsolatedSession",
  "deleteIsolatedSession",
  "getIsolatedRun",
  "getIsolatedRunLogs",
  "getIsolatedSession",
  "getIsolationCapabilities",
  "listIsolatedSessions",
  "runInIsolatedSession",
  "connectTerminal",
  "createCredentialVault",
  "createTemplate",
  "deleteCredentialVault",
  "deleteEgressRules",
  "deleteTemplate",
  "getCredential",
  "getCredentialBinding",
  "getCredentialVault",
  "getEgressPolicy",
  "getMetrics",
  "getReadiness",
  "getTemplate",
  "listCredentialBindings",
  "listCredentials",
  "listTemplates",
  "patchCredentialVault",
  "patchEgressPolicy",
  "replaceEgressPolicy",
];

const operations = loadOperations();
const { recorded } = loadRecordedOperations(operations);
const isExcepted = (operation: Operation) => Object.values(EXCEPTED).some((covers) => covers(operation));
const idsOf = (calls: readonly FacadeCall[]) => new Set(calls.flatMap((call) => call.operations));
const called = idsOf(Object.values(FACADE_CALLS));

describe("the table of operations", () => {
  test("has every operation of the documents that is not excepted, and no other", () => {
    const wanted = [...operations.values()].filter((operation) => !isExcepted(operation));
    expect([...called].sort()).toEqual(wanted.map(({ id }) => id).sort());
  });

  test.each(Object.entries(EXCEPTED))("excepts some operations: %s", (_, covers) => {
    expect([...operations.values()].filter(covers)).not.toEqual([]);
  });

  test("has every public method of the facades, and no other", () => {
    expect(Object.keys(FACADE_CALLS).sort()).toEqual(Object.entries(FACADES).flatMap(methodsOf).sort());
  });

  test("has a reason for exactly the methods that send nothing", () => {
    for (const [method, { operations: ids, sendsNothing }] of Object.entries(FACADE_CALLS)) {
      expect([method, sendsNothing !== undefined]).toEqual([method, ids.length === 0]);
    }
  });

  test("has a recorded exchange of every operation, be it a failure, but for these", () => {
    const withRecording = new Set(recorded.map(({ operation }) => operation.id));
    expect([...called].filter((id) => !withRecording.has(id)).sort()).toEqual([...NOT_RECORDED].sort());
  });

  test("uses a handwritten response only if no matching success is recorded", () => {
    const built = Object.values(FACADE_CALLS).flatMap(builtBy);
    const succeeded = new Set(
      recorded
        .filter(({ exchange: { response } }) => response.status !== null && response.status < 300)
        .map(({ operation }) => operation.id),
    );
    // The older form of the logs, which needs no scope, is another operation on the same path; no address is signed;
    // no listing has the labels of getOrCreate, and no snapshot became ready.
    const others = ["getDiagnosticLogs", "getSandboxEndpoint", "listSandboxes", "getSnapshot"];
    expect(built.filter((id) => succeeded.has(id) && !others.includes(id))).toEqual([]);
  });
});

describe("calls exactly its operations and reads their responses:", () => {
  test.each(Object.entries(FACADE_CALLS))("%s", async (_, call) => {
    const observed = await observe(call);
    expect([...new Set(observed.map(({ operation }) => operation.id))].sort()).toEqual(call.operations);
    const built = observed.flatMap(({ operation, answer }) =>
      answer === "hand-built" ? [operation.id] : [],
    );
    expect([...new Set(built)].sort()).toEqual(builtBy(call).sort());
  });
});

/** Returns the operations with handwritten responses. */
function builtBy({ answers = {} }: FacadeCall): string[] {
  return Object.entries(answers).flatMap(([id, answer]) => ("status" in answer ? [id] : []));
}

function methodsOf([name, facade]: [string, { readonly prototype: object }]): string[] {
  const own = ["length", "name", "prototype"];
  const statics = Reflect.ownKeys(facade).filter((key) => !own.includes(String(key)));
  const methods = Reflect.ownKeys(facade.prototype).filter(
    (key) =>
      key !== "constructor" &&
      // Getters return services, which have their own methods.
      typeof Object.getOwnPropertyDescriptor(facade.prototype, key)?.value === "function",
  );
  return [
    ...statics.map((key) => `${name}.${nameOf(key)}`),
    ...methods.map((key) => `${name}.prototype.${nameOf(key)}`),
  ];
}

function nameOf(key: string | symbol): string {
  return key === Symbol.asyncDispose ? "[asyncDispose]" : String(key);
}
