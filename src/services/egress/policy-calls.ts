import { assertList, type CallOptions, checkOptions, refuse } from "../../arguments.js";
import type { components, EgressClient } from "../../../generated/egress.js";
import type { LifecycleClient } from "../../../generated/lifecycle.js";
import {
  assertNetworkPolicy,
  assertRules,
  assertTarget,
  type NetworkPolicy,
  type NetworkRule,
} from "../../network-policy.js";
import { defined } from "../../transport/request.js";
import { expectRecord, expectRecords, type ResponseInfo } from "../../transport/response.js";
import type { SandboxLink } from "../link.js";
import { askSidecar, findSidecar, type CallFetch } from "./sidecar.js";

/** The network policy of a sandbox, and how it is enforced. */
export interface EgressStatus {
  /** The policy in a word: `allow_all`, `deny_all` or `enforcing`. */
  readonly mode: string | undefined;
  /** `dns` refuses to resolve names, which a connection to an IP address circumvents; `dns+nft` also refuses connections. */
  readonly enforcementMode: string | undefined;
  /** What the server did, in words. */
  readonly reason: string | undefined;
  /** The rules and the default action; `undefined` after a change, unless the server sends it. */
  readonly policy: Required<NetworkPolicy> | undefined;
}

type Wire = components["schemas"]["PolicyStatusResponse"];

/** One operation, at the sidecar and at the lifecycle server. */
interface Operation {
  readonly sidecar: (client: EgressClient, fetch: CallFetch) => Promise<{ readonly data?: Wire }>;
  readonly lifecycle: (
    client: LifecycleClient,
    init: { readonly params: { readonly path: { readonly sandboxId: string } }; readonly fetch: CallFetch },
  ) => Promise<{ readonly data?: Wire }>;
}

/** Returns the policy. */
export function getPolicy(link: SandboxLink, options: CallOptions): Promise<EgressStatus> {
  return send(link, options, {
    sidecar: (client, fetch) => client.GET("/policy", { fetch }),
    lifecycle: (client, init) => client.GET("/sandboxes/{sandboxId}/networkpolicy", init),
  });
}

/** Replaces the policy. */
export async function replacePolicy(
  link: SandboxLink,
  policy: NetworkPolicy,
  options: CallOptions,
): Promise<EgressStatus> {
  assertNetworkPolicy(policy, "policy");
  const { defaultAction, egress } = policy;
  const body = defined({ defaultAction, egress: egress?.map(copyRule) });
  return await send(link, options, {
    sidecar: (client, fetch) => client.PUT("/policy", { body, fetch }),
    lifecycle: (client, init) => client.PUT("/sandboxes/{sandboxId}/networkpolicy", { body, ...init }),
  });
}

/** Adds rules. */
export async function patchPolicy(
  link: SandboxLink,
  rules: readonly NetworkRule[],
  options: CallOptions,
): Promise<EgressStatus> {
  assertRules(rules, "rules");
  if (rules.length === 0) refuse("rules", "a list of at least one rule", rules);
  const body = rules.map(copyRule);
  return await send(link, options, {
    sidecar: (client, fetch) => client.PATCH("/policy", { body, fetch }),
    lifecycle: (client, init) => client.PATCH("/sandboxes/{sandboxId}/networkpolicy", { body, ...init }),
  });
}

/** Deletes rules by their targets. */
export async function deleteRules(
  link: SandboxLink,
  targets: readonly string[],
  options: CallOptions,
): Promise<EgressStatus> {
  assertList(targets, "targets");
  if (targets.length === 0) refuse("targets", "a list of at least one target", targets);
  for (const [index, target] of targets.entries()) assertTarget(target, `targets[${index}]`);
  const body = [...targets];
  return await send(link, options, {
    sidecar: (client, fetch) => client.DELETE("/policy", { body, fetch }),
    lifecycle: (client, init) => client.DELETE("/sandboxes/{sandboxId}/networkpolicy", { body, ...init }),
  });
}

async function send(link: SandboxLink, options: CallOptions, operation: Operation): Promise<EgressStatus> {
  const { signal } = checkOptions(options);
  const sidecar = await findSidecar(link, signal);
  if (sidecar !== undefined) {
    return toStatus(...(await askSidecar(sidecar, { signal }, operation.sidecar)));
  }
  const { lifecycle, sandboxId } = link;
  const call = lifecycle.json({ signal });
  const params = { path: { sandboxId } };
  const { data } = await operation.lifecycle(lifecycle.client, { params, fetch: call.fetch });
  return toStatus(data, call);
}

function toStatus(data: Wire | undefined, call: ResponseInfo): EgressStatus {
  const { mode, enforcementMode, reason, policy } = expectRecord(data, call);
  return {
    mode: mode ?? undefined,
    enforcementMode: enforcementMode ?? undefined,
    reason: reason ?? undefined,
    // Servers leave it out, or send null.
    policy: policy
      ? {
          defaultAction: policy.defaultAction ?? "deny",
          egress: expectRecords(policy.egress ?? [], call).map(copyRule),
        }
      : undefined,
  };
}

function copyRule({ action, target }: NetworkRule): { action: "allow" | "deny"; target: string } {
  return { action, target };
}
