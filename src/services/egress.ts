import type { CallOptions } from "../arguments.js";
import type { NetworkPolicy, NetworkRule } from "../network-policy.js";
import type { EgressStatus } from "./egress/policy-calls.js";
import type { SandboxLink } from "./link.js";

/** Loaded when it is used: most programs never change a policy. */
const calls = () => import("./egress/policy-calls.js");

/**
 * Reads and changes the network policy of a sandbox: the hosts that it may connect to. The sandbox must have been created
 * with a `networkPolicy`; otherwise nothing responds, and the methods reject with `CONNECTION` or status 502.
 */
export class Egress {
  readonly #link: SandboxLink;

  /** @internal */
  constructor(link: SandboxLink) {
    this.#link = link;
  }

  /** Returns the policy and how it is enforced. */
  async get(options: CallOptions = {}): Promise<EgressStatus> {
    return (await calls()).getPolicy(this.#link, options);
  }

  /** Replaces all rules and the default action. */
  async replace(policy: NetworkPolicy, options: CallOptions = {}): Promise<EgressStatus> {
    return (await calls()).replacePolicy(this.#link, policy, options);
  }

  /**
   * Adds rules, in front of the present ones and instead of those with the same target. The default action stays.
   *
   * @example
   * ```ts no-run
   * await sandbox.egress.patch([{ action: "allow", target: "*.example.com" }]);
   * ```
   */
  async patch(rules: readonly NetworkRule[], options: CallOptions = {}): Promise<EgressStatus> {
    return (await calls()).patchPolicy(this.#link, rules, options);
  }

  /** Deletes the rules for these targets. Succeeds if there are none. */
  async delete(targets: readonly string[], options: CallOptions = {}): Promise<EgressStatus> {
    return (await calls()).deleteRules(this.#link, targets, options);
  }
}
