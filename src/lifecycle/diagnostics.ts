import type { components } from "../../generated/diagnostics.js";
import { expectText, type ResponseInfo } from "../transport/response.js";
import { optionalDate } from "./status.js";

/** What the runtime has on a sandbox. */
export type DiagnosticsKind = "logs" | "events";

/** A text about a sandbox, or the address of one. */
export interface Diagnostics {
  readonly sandboxId: string;
  readonly kind: DiagnosticsKind;
  readonly scope: string;
  /** Whether the text is in `content`, or at `contentUrl`. */
  readonly delivery: "inline" | "url";
  /** The text's media type, such as `text/plain`. */
  readonly contentType: string;
  readonly content: string | undefined;
  /** Whoever has it may read the text, until `expiresAt`. The SDK does not fetch it. */
  readonly contentUrl: string | undefined;
  /** The length of the whole text in bytes. */
  readonly contentLength: number | undefined;
  readonly expiresAt: Date | undefined;
  /** Whether the text is only a part of what there is. */
  readonly isTruncated: boolean;
  /** What went wrong on the way, for people. */
  readonly warnings: readonly string[];
}

/** Reads the server's answer. @throws {SandboxApiException} `UNEXPECTED_RESPONSE` where it is none */
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
    // Servers may leave out what there is not, or write null.
    content: content ?? undefined,
    contentUrl: contentUrl ?? undefined,
    contentLength: contentLength ?? undefined,
    expiresAt: optionalDate(wire.expiresAt, "expiresAt", call),
    isTruncated: truncated,
    warnings: warnings ?? [],
  };
}
