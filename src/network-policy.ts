import { assertList, assertOneOf, assertText, checkOptions, refuse } from "./arguments.js";

/** A rule for a sandbox's outgoing connections. */
export interface NetworkRule {
  readonly action: "allow" | "deny";
  /** A host name, `*.` and a domain, an IP address or a range of addresses such as `10.0.0.0/8`. */
  readonly target: string;
}

/** The hosts that a sandbox may connect to. */
export interface NetworkPolicy {
  /** The action for hosts without a rule. @default "deny", set by the server */
  readonly defaultAction?: "allow" | "deny" | undefined;
  /** The rules for outgoing connections. */
  readonly egress?: readonly NetworkRule[] | undefined;
}

/** Asserts that a value is a network policy. */
export function assertNetworkPolicy(policy: NetworkPolicy, name: string): void {
  const { defaultAction, egress = [] } = checkOptions(policy, name);
  if (defaultAction !== undefined) assertAction(defaultAction, `${name}.defaultAction`);
  assertRules(egress, `${name}.egress`);
}

/** Asserts that a value is a list of rules. */
export function assertRules(rules: readonly NetworkRule[], name: string): void {
  assertList(rules, name);
  for (const [index, rule] of rules.entries()) {
    const { action, target } = checkOptions(rule, `${name}[${index}]`);
    assertAction(action, `${name}[${index}].action`);
    assertTarget(target, `${name}[${index}].target`);
  }
}

/** Asserts that a value can name hosts: it is not a URL, and has neither a port nor a path. */
export function assertTarget(target: unknown, name: string): asserts target is string {
  assertText(target, name);
  // One colon stands before a port, several are an IPv6 address. A number of bits may follow an address.
  if (/^[^\s/:]+$|^[\da-f:.]*:[\da-f.]*:[\da-f:.]*(\/\d+)?$|^[\d.]+\/\d+$/i.test(target)) return;
  refuse(name, "a host name, an address or a range of addresses, without scheme, port and path", target);
}

function assertAction(action: unknown, name: string): void {
  assertOneOf(action, name, ["allow", "deny"]);
}
