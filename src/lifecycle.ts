import { createLifecycleClient, type LifecycleClient } from "../generated/lifecycle.js";
import type { ConnectionConfig } from "./connection.js";
import {
  addErrorContext,
  InvalidArgumentException,
  SandboxApiException,
  SandboxConnectionException,
  SandboxTimeoutException,
} from "./errors.js";
import { toSandboxInfo, type SandboxInfo } from "./sandbox-info.js";
import type { SandboxFilter, SandboxPage } from "./sandbox-manager.js";
import type { CreateBody } from "./sandbox-options.js";
import {
  assertInteger,
  assertSeconds,
  assertStringMap,
  assertText,
  type CallOptions,
} from "./services/arguments.js";
import { onAbort } from "./transport/abort.js";
import { Transport, unwrap, unwrapEmpty } from "./transport/client.js";
import { expectDate, expectText } from "./transport/response.js";

/** How long the answer to an abandoned creation is waited for, in seconds; Node's `fetch` gives up then by itself. */
const FOLLOW_SECONDS = 300;
const LARGEST_PORT = 65_535;
const LARGEST_PAGE = 200;

/** Where a port of a sandbox is reached. */
export interface SandboxEndpoint {
  /** `host:port` and perhaps a path, as the server gave it. */
  readonly endpoint: string;
  /** The same as an absolute URL. */
  readonly url: string;
  /** Headers that requests to it must carry; they may hold credentials. */
  readonly headers: Readonly<Record<string, string>>;
}

/** The lifecycle server's operations, as the facades use them. */
export class Lifecycle {
  readonly #config: ConnectionConfig;
  readonly #transport: Transport<LifecycleClient>;

  constructor(config: ConnectionConfig) {
    this.#config = config;
    this.#transport = new Transport({
      server: "lifecycle",
      config,
      endpoint: { url: config.baseUrl, headers: {} },
      createClient: createLifecycleClient,
    });
  }

  /** Ends the calls under way; later ones throw `CLOSED`. */
  close(): void {
    this.#transport.close();
  }

  /**
   * Creates a sandbox and gives its id.
   *
   * The request is never cut short: a server that has begun to create would leave a sandbox that nobody knows. A
   * caller that gives up is let go at once, and the sandbox is deleted as soon as its id is known.
   */
  async create(body: CreateBody, timeoutSeconds: number, options: CallOptions): Promise<string> {
    options.signal?.throwIfAborted();
    const creating = this.#postSandbox(body);
    const outcome = await settledUnlessAbandoned(creating, timeoutSeconds, options.signal);
    if (outcome !== "abandoned") return outcome.id;
    void creating.then(
      ({ id }) => this.#deleteAbandoned(id),
      () => {
        this.#config.logger?.warn(
          "A creation of a sandbox was given up, and its answer never came: it may exist.",
        );
      },
    );
    options.signal?.throwIfAborted();
    throw new SandboxTimeoutException({
      code: "CREATE_OUTCOME_UNKNOWN",
      message:
        `The server did not answer within createTimeoutSeconds of ${timeoutSeconds} s. ` +
        "Whether the sandbox exists is unknown; it is deleted if the answer still comes.",
    });
  }
}
