import type { components } from "../../generated/diagnostics.js";
import { expectText, type ResponseInfo } from "../transport/response.js";
import { optionalDate } from "./status.js";

/** Which diagnostics of a sandbox to get. */
export type DiagnosticsKind = "logs" | "events";

/** A text about a sandbox, or the URL of one. */
export interface Diagnostics {
  readonly sandboxId: string;
  readonly kind: DiagnosticsKind;
  readonly scope: string;
  /** Whether the text is in `content`, or at `contentUrl`. */
  readonly delivery: "inline" | "url";
  /** The text's media type, such as `text/plain`. */
  readonly contentType: string;
  readonly content: string | undefined;
  /** Anyone who has this URL can read the text, until `expiresAt`. The SDK does not fetch it. */
  readonly contentUrl: string | undefined;
  /** The length of the whole text in bytes. */
  readonly contentLength: number | undefined;
  readonly expiresAt: Date | undefined;
  /** Whether the text was truncated. */
  readonly isTruncated: boolean;
  /** Problems while the text was collected, in readable form. */
  readonly warnings: readonly string[];
}

/** Converts the server's response. @throws {SandboxApiException} `UNEXPECTED_RESPONSE` if a field is missing */
export function toDiagnostics(
  wire: components["schemas"]["DiagnosticContentResponse"],
  call: ResponseInfo,
): Diagnostics {
  const { kind, delivery, content, contentUrl, contentLength, truncated, warnings } = wire;
  return {
    sandboxId: expectText(wire.sandboxId, "sandboxId", call),
    kind,
    scope: expectText(wire.scope, "scope", call),
    delivery,
    contentType: expectText(wire.contentType, "contentType", call),
    // Servers omit empty fields or send null.
    content: content ?? undefined,
    contentUrl: contentUrl ?? undefined,
    contentLength: contentLength ?? undefined,
    expiresAt: optionalDate(wire.expiresAt, "expiresAt", call),
    isTruncated: truncated,
    warnings: warnings ?? [],
  };
}
