import { assertText, type CallOptions } from "../arguments.js";
import { createDiagnosticsClient } from "../../generated/diagnostics.js";
import { expectRecord, expectText, optionalDate } from "../transport/response.js";
import type { Lifecycle } from "./lifecycle.js";

/** A kind of diagnostics of a sandbox. */
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

/** Gets diagnostics of a sandbox. */
export function getDiagnostics(
  lifecycle: Lifecycle,
  sandboxId: string,
  kind: DiagnosticsKind,
  options: CallOptions & { readonly scope: string },
): Promise<Diagnostics> {
  return lifecycle.about(sandboxId, options, async (call) => {
    const { scope } = options;
    assertText(scope, "scope");
    const client = createDiagnosticsClient(lifecycle.transport.clientOptions);
    const init = { params: { path: { sandboxId }, query: { scope } }, fetch: call.fetch };
    const { data } =
      kind === "logs"
        ? await client.GET("/sandboxes/{sandboxId}/diagnostics/logs", init)
        : await client.GET("/sandboxes/{sandboxId}/diagnostics/events", init);
    const wire = expectRecord(data, call);
    return {
      sandboxId: expectText(wire.sandboxId, "sandboxId", call),
      kind: wire.kind,
      scope: expectText(wire.scope, "scope", call),
      delivery: wire.delivery,
      contentType: expectText(wire.contentType, "contentType", call),
      // Servers omit empty fields or send null.
      content: wire.content ?? undefined,
      contentUrl: wire.contentUrl ?? undefined,
      contentLength: wire.contentLength ?? undefined,
      expiresAt: optionalDate(wire.expiresAt, "expiresAt", call),
      isTruncated: wire.truncated,
      warnings: wire.warnings ?? [],
    };
  });
}
