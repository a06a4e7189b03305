import { assertInteger, assertText, type CallOptions } from "../arguments.js";
import { createLifecycleClient, type LifecycleClient } from "../../generated/lifecycle.js";
import type { ConnectionConfig } from "../connection.js";
import { addErrorContext, InvalidArgumentException, SandboxApiException } from "../errors.js";
import type { Call } from "../transport/call.js";
import { deleteOnce } from "../transport/retry.js";
import { Transport, type JsonOptions } from "../transport/transport.js";
import { expectRecord, expectText } from "../transport/response.js";
import { toSandboxInfo, type SandboxInfo } from "./info.js";

const LARGEST_PORT = 65_535;

/** The address of a port of a sandbox. */
export interface SandboxEndpoint {
  /** The absolute URL of the port, with a path if the server's gateway or proxy needs one. */
  readonly url: string;
  /** Headers that each request to it must have. They can contain credentials. */
  readonly headers: Readonly<Record<string, string>>;
}

/** The operations of the lifecycle server, for `Sandbox` and `SandboxManager`. */
export class Lifecycle {
  readonly config: ConnectionConfig;
  readonly transport: Transport<LifecycleClient>;
  readonly #client: LifecycleClient;

  constructor(config: ConnectionConfig) {
    this.config = config;
    this.transport = new Transport({
      server: "lifecycle",
      config,
      endpoint: { url: config.baseUrl, headers: {} },
      createClient: createLifecycleClient,
    });
    this.#client = this.transport.client;
  }

  /** Ends the pending calls. Later calls throw `CLOSED`. */
  close(): void {
    this.transport.close();
  }

  get(sandboxId: string, options: CallOptions = {}): Promise<SandboxInfo> {
    return this.about(sandboxId, options, async (call) => {
      const { data } = await this.#client.GET("/sandboxes/{sandboxId}", {
        params: { path: { sandboxId } },
        fetch: call.fetch,
      });
      return toSandboxInfo(expectRecord(data, call), call);
    });
  }

  /**
   * Deletes a sandbox. Rejects if it does not exist, unless an earlier attempt may have deleted it: an attempt of this call
   * or, with `isRepeated`, of an earlier one.
   */
  async kill(
    sandboxId: string,
    options: CallOptions & { readonly isRepeated?: boolean } = {},
  ): Promise<void> {
    const send = (onRetry: JsonOptions["onRetry"]) =>
      this.about(sandboxId, { signal: options.signal, onRetry }, async ({ fetch }) => {
        await this.#client.DELETE("/sandboxes/{sandboxId}", { params: { path: { sandboxId } }, fetch });
      });
    await deleteOnce(send, isGone, options.isRepeated);
  }

  /** Makes a call about a sandbox and adds the sandbox's id to its errors. */
  async about<Outcome>(
    sandboxId: string,
    options: JsonOptions,
    send: (call: Call) => Promise<Outcome>,
  ): Promise<Outcome> {
    assertText(sandboxId, "sandboxId");
    try {
      return await send(this.transport.json(options));
    } catch (error) {
      addErrorContext(error, { sandboxId });
      throw error;
    }
  }
}

/**
 * Returns the address of a port of a sandbox. A function rather than a method, so that bundles of `SandboxManager` alone do
 * not contain it.
 *
 * @param options.expires returns a signed address that is valid until this time, in seconds since 1970-01-01 UTC
 * @param options.onHeaders gets the headers of the server's response
 */
export function getEndpoint(
  lifecycle: Lifecycle,
  sandboxId: string,
  port: number,
  options: CallOptions & {
    readonly expires?: number | undefined;
    readonly onHeaders?: ((headers: Headers | undefined) => void) | undefined;
  } = {},
): Promise<SandboxEndpoint> {
  const { transport, config } = lifecycle;
  return lifecycle.about(sandboxId, options, async (call) => {
    if (typeof port !== "number") throw new InvalidArgumentException("port must be a number.");
    assertInteger(port, "port", 1, LARGEST_PORT);
    const { expires, onHeaders } = options;
    // The server accepts only one of the two.
    const query =
      expires === undefined ? { use_server_proxy: config.useServerProxy } : { expires: String(expires) };
    const { data } = await transport.client.GET("/sandboxes/{sandboxId}/endpoints/{port}", {
      params: { path: { sandboxId, port }, query },
      fetch: call.fetch,
    });
    onHeaders?.(call.responseHeaders);
    const { headers, ...found } = expectRecord(data, call);
    const endpoint = expectText(found.endpoint, "endpoint", call);
    return { url: config.resolveEndpointUrl(endpoint), headers: headers ?? {} };
  });
}

/**
 * Returns whether an error means that a sandbox does not exist (any more). A Kubernetes server also returns 404 for a
 * sandbox that is being scheduled and has no address yet.
 */
export function isGone(error: unknown): boolean {
  return (
    error instanceof SandboxApiException &&
    error.statusCode === 404 &&
    !error.error.code.endsWith("POD_IP_NOT_AVAILABLE")
  );
}
