import { isRecord } from "../../json.js";
import { InvalidArgumentException } from "../../errors.js";
import {
  contains,
  isPart,
  parseHost,
  parseRange,
  specialRangeOf,
  type Address,
  type Range,
} from "./addresses.js";

type Action = "allow" | "deny";

/** One rule for outgoing connections. */
export interface LocalNetworkRule {
  readonly action: Action;
  /** A name, `*.example.com` for all names below one, an IP address or a range such as `10.0.0.0/8`. */
  readonly target: string;
}

/** The hosts that a sandbox may reach. The first rule that matches applies. */
export interface LocalNetworkPolicy {
  /** What applies if no rule matches. @default "deny" */
  readonly defaultAction?: Action | undefined;
  /** @default no rules */
  readonly egress?: readonly LocalNetworkRule[] | undefined;
}

/** Whether a connection is allowed; if not, why. */
export type Decision = { readonly isAllowed: true } | { readonly isAllowed: false; readonly reason: string };

const ALLOWED: Decision = { isAllowed: true };
const MOST_RULES = 4096;

/** A policy has too many rules. */
export class TooManyRules extends InvalidArgumentException {}

interface Matcher extends Target {
  readonly rule: LocalNetworkRule;
}

/** A valid policy, ready to decide about connections. It never changes: see {@link Rules.with}. */
export class Rules {
  readonly defaultAction: Action;
  readonly egress: readonly LocalNetworkRule[];
  readonly #matchers: readonly Matcher[];

  /**
   * @throws {TooManyRules} for more than 4096 rules
   * @throws {InvalidArgumentException} if a value is not a policy
   */
  constructor(policy: unknown) {
    if (!isRecord(policy)) throw invalid("must be an object", policy);
    this.defaultAction = readAction(policy["defaultAction"] ?? "deny", "defaultAction");
    this.egress = readRules(policy["egress"] ?? []);
    if (this.egress.length > MOST_RULES) {
      throw new TooManyRules(`egress must have at most ${MOST_RULES} rules; got ${this.egress.length}`);
    }
    this.#matchers = this.egress.map((rule, index) => {
      const target = parseTarget(rule.target);
      if (target !== undefined) return { rule, ...target };
      const expected = 'must be a name, a wildcard such as "*.example.com", an IP address or a range';
      throw invalid(`egress[${index}].target ${expected}`, rule.target);
    });
  }

  /** The policy as it was given, with its defaults. */
  get policy(): LocalNetworkPolicy {
    return { defaultAction: this.defaultAction, egress: this.egress };
  }

  /** What the policy amounts to, in the words of the egress API. */
  get mode(): "allow_all" | "deny_all" | "enforcing" {
    return this.egress.length > 0 ? "enforcing" : `${this.defaultAction}_all`;
  }

  /** Returns a policy in which rules come first, and replace those with the same targets. */
  with(rules: unknown): Rules {
    const added = readRules(rules);
    const { defaultAction, egress } = this.without(added.map(({ target }) => target));
    return new Rules({ defaultAction, egress: [...added, ...egress] });
  }

  /** Returns a policy without the rules of these targets. */
  without(targets: readonly string[]): Rules {
    const removed = new Set(targets.map((target) => parseTarget(target)?.key));
    const egress = this.#matchers.filter(({ key }) => !removed.has(key)).map(({ rule }) => rule);
    return new Rules({ defaultAction: this.defaultAction, egress });
  }

  /** Decides whether a name may be looked up: only if a rule for names or the default allows it. */
  decideName(name: string): Decision {
    const matcher = this.#matchers.find(({ names }) => names(name));
    return this.#byAction(matcher);
  }

  /** Decides about a connection to an address, which a name may have led to. */
  decide(address: Address, name?: string): Decision {
    const matcher = this.#matchers.find(
      ({ range, names }) =>
        (range !== undefined && contains(range, address)) || (name !== undefined && names(name)),
    );
    const decision = this.#byAction(matcher);
    const special = specialRangeOf(address);
    if (!decision.isAllowed || special === undefined) return decision;
    const own = this.#matchers.find(
      ({ range }) => range !== undefined && contains(range, address) && isPart(range, special.range),
    );
    if (own?.rule.action === "allow") return ALLOWED;
    const reason = `${address.text} is ${special.what}, which only a rule for that address or a part of its range allows`;
    return { isAllowed: false, reason };
  }

  #byAction(matcher: Matcher | undefined): Decision {
    if ((matcher?.rule.action ?? this.defaultAction) === "allow") return ALLOWED;
    return {
      isAllowed: false,
      reason:
        matcher === undefined
          ? "no rule matches, and the default action is deny"
          : `the rule "deny ${matcher.rule.target}" matches`,
    };
  }
}

function readRules(value: unknown): LocalNetworkRule[] {
  if (!Array.isArray(value)) throw invalid("egress must be a list of rules", value);
  return value.map((rule: unknown, index) => {
    if (!isRecord(rule)) throw invalid(`egress[${index}] must be an object`, rule);
    const { target } = rule;
    if (typeof target !== "string") throw invalid(`egress[${index}].target must be a string`, target);
    return { action: readAction(rule["action"], `egress[${index}].action`), target };
  });
}

function readAction(value: unknown, place: string): Action {
  if (value === "allow" || value === "deny") return value;
  throw invalid(`${place} must be "allow" or "deny"`, value);
}

function invalid(expected: string, value: unknown): InvalidArgumentException {
  return new InvalidArgumentException(
    `${expected}; got ${value === undefined ? "undefined" : JSON.stringify(value)}`,
  );
}

interface Target {
  /** The same for all spellings of a target. */
  readonly key: string;
  readonly range: Range | undefined;
  /** Returns whether a name in lower case is meant. */
  readonly names: (name: string) => boolean;
}

const WILDCARD = "*.";

function parseTarget(target: string): Target | undefined {
  const text = target.trim();
  const isWildcard = text.startsWith(WILDCARD);
  const host = parseHost(isWildcard ? text.slice(WILDCARD.length) : text);
  if (host !== undefined && "name" in host) {
    const { name } = host;
    return isWildcard
      ? { key: WILDCARD + name, range: undefined, names: (other) => other.endsWith(`.${name}`) }
      : { key: name, range: undefined, names: (other) => other === name };
  }
  const range = parseRange(host?.address.text ?? text);
  if (isWildcard || range === undefined) return undefined;
  return { key: `${range.family} ${range.first} ${range.bits}`, range, names: () => false };
}
