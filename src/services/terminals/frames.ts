import { isRecord, parseJson } from "../../json.js";

/** A message of the server, as {@link decodeFrame} returns it. */
export type ServerFrame =
  | { readonly type: "output"; readonly stream: "stdout" | "stderr"; readonly data: Uint8Array }
  | { readonly type: "replay"; readonly offset: number; readonly data: Uint8Array }
  | { readonly type: "connected"; readonly mode: "pty" | "pipe" }
  | { readonly type: "exit"; readonly exitCode: number }
  | { readonly type: "error"; readonly code: string; readonly message: string }
  /** Of no interest, or of a later version. */
  | { readonly type: "other" };

const REPLAY_HEAD_BYTES = 9;

/** Decodes a message; `undefined` if it breaks the protocol. */
export function decodeFrame(message: unknown): ServerFrame | undefined {
  if (typeof message === "string") return decodeText(message);
  return message instanceof ArrayBuffer ? decodeBinary(new Uint8Array(message)) : undefined;
}

/** Encodes input for the program. */
export function encodeInput(data: Uint8Array): ArrayBuffer {
  const message = new Uint8Array(data.length + 1);
  message.set(data, 1);
  return message.buffer;
}

function decodeBinary(message: Uint8Array): ServerFrame | undefined {
  const data = message.subarray(1);
  switch (message[0]) {
    case 1:
      return { type: "output", stream: "stdout", data };
    case 2:
      return { type: "output", stream: "stderr", data };
    case 3: {
      if (message.length < REPLAY_HEAD_BYTES) return undefined;
      const view = new DataView(message.buffer, message.byteOffset);
      const offset = Number(view.getBigUint64(1));
      return { type: "replay", offset, data: message.subarray(REPLAY_HEAD_BYTES) };
    }
    default:
      return { type: "other" };
  }
}

function decodeText(text: string): ServerFrame | undefined {
  const frame = parseJson(text)?.json;
  if (!isRecord(frame)) return undefined;
  const { type, mode, exit_code: exitCode, code, error } = frame;
  switch (type) {
    case "connected":
      return { type, mode: mode === "pipe" ? "pipe" : "pty" };
    case "exit":
      return typeof exitCode === "number" ? { type, exitCode } : undefined;
    case "error":
      return {
        type,
        code: textOf(code, "RUNTIME_ERROR"),
        message: textOf(error, "The server sent no message."),
      };
    default:
      return { type: "other" };
  }
}

function textOf(value: unknown, fallback: string): string {
  return typeof value === "string" && value !== "" ? value : fallback;
}
