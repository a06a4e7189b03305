import { isRecord, parseJson } from "../json.js";

/** What the body of an error contains. */
export interface ServerMessage {
  readonly code?: string | undefined;
  readonly message?: string | undefined;
}

const LONGEST_MESSAGE = 1_000;

/**
 * Reads the body of an error, in every shape that servers and gateways are known to send:
 * `{code, message}`, FastAPI's `{detail: [{loc, msg}]}` and `{detail: "…"}`, `{error: "…"}`, plain text and HTML.
 */
export function readServerMessage(body: string): ServerMessage {
  const text = body.trim();
  if (text === "") return {};
  const { code, message } = fromJson(parseJson(text)?.json) ?? fromText(text);
  return { code, message: message === undefined ? undefined : shorten(message) };
}

function fromJson(value: unknown): ServerMessage | undefined {
  if (typeof value === "string" && value.trim() !== "") return { message: value.trim() };
  if (!isRecord(value)) return undefined;
  const { code, message, detail, error } = value;
  const said = { code: textOf(code), message: textOf(message) };
  if (said.code !== undefined || said.message !== undefined) {
    // execd leaves an empty message out.
    return { code: said.code, message: said.message ?? said.code };
  }
  if (textOf(detail) !== undefined) return { message: textOf(detail) };
  if (Array.isArray(detail)) return { message: fromDetails(detail) };
  if (textOf(error) !== undefined) return { message: textOf(error) };
  return isRecord(detail) ? fromJson(detail) : isRecord(error) ? fromJson(error) : undefined;
}

function fromDetails(details: readonly unknown[]): string | undefined {
  const lines = details.flatMap((detail) => {
    if (!isRecord(detail)) return textOf(detail) ?? [];
    const { loc, msg, type } = detail;
    const message = textOf(msg) ?? textOf(type) ?? "not valid";
    return Array.isArray(loc) && loc.length > 0 ? `${loc.map(String).join(".")}: ${message}` : message;
  });
  return lines.length === 0 ? undefined : lines.join("; ");
}

function fromText(text: string): ServerMessage {
  if (!/^<(?:!doctype|html|head|body|\?xml)\b/i.test(text)) return { message: text };
  const [, title = ""] = /<title[^>]*>([^<]*)</i.exec(text) ?? [];
  const shown = title.replace(/\s+/g, " ").trim();
  return {
    message: `HTML response${shown === "" ? "" : ` "${shown}"`}; from a gateway in front of the server?`,
  };
}

function shorten(text: string): string {
  return text.length <= LONGEST_MESSAGE ? text : `${text.slice(0, LONGEST_MESSAGE - 1)}…`;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value.trim() !== "" ? value.trim() : undefined;
}
