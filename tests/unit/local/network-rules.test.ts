import { once } from "node:events";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { networkInterfaces } from "node:os";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { parseAddress, parseHost, parseRange } from "../../../src/local/egress/addresses.js";
import { Connector } from "../../../src/local/egress/connector.js";
import { Rules, type LocalNetworkPolicy } from "../../../src/local/egress/rules.js";

const allow = (...targets: string[]) => targets.map((target) => ({ action: "allow" as const, target }));
const deny = (...targets: string[]) => targets.map((target) => ({ action: "deny" as const, target }));

/** Whether a policy allows an address, which a name may have led to. */
function allows(policy: LocalNetworkPolicy, address: string, name?: string): boolean {
  const parsed = parseAddress(address);
  if (parsed === undefined) throw new Error(`not an address: ${address}`);
  return new Rules(policy).decide(parsed, name).isAllowed;
}

describe("hosts", () => {
  test.each([
    "127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "2130706433",
    "0x7f.1",
    "0x7F000001",
    "0177.0.0.1",
    "017700000001",
    "::ffff:127.0.0.1",
    "[::FFFF:7f00:1]",
    "0:0:0:0:0:ffff:7f00:0001",
    "１２７.0.0.1",
    "127。0。0。1",
    "①②⑦.⓪.⓪.①",
  ])("%s is 127.0.0.1", (spelling) => {
    expect(parseHost(spelling)).toEqual({ address: { family: 4, value: 0x7f00_0001n, text: "127.0.0.1" } });
  });

  test("an address for translation to IPv4 is decided about as that address, and connected to as it is", () => {
    const address = { family: 4, value: 0x7f00_0001n, text: "64:ff9b::7f00:1" };
    expect(parseHost("64:FF9B::127.0.0.1")).toEqual({ address });
  });

  test.each([
    ["EXAMPLE.com.", "example.com"],
    ["bücher.example", "xn--bcher-kva.example"],
    ["BÜCHER.example", "xn--bcher-kva.example"],
    ["ex\u00adample.com", "example.com"],
    ["ｅxample.com", "example.com"],
  ])("%s is %s", (spelling, name) => {
    expect(parseHost(spelling)).toEqual({ name });
  });

  test.each([
    "",
    ".",
    "a..b",
    "a b",
    "a\nb",
    "a/b",
    "a@b",
    "a#b",
    "a?b",
    "a\\b",
    "a%2eb",
    "*.example.com",
    "1.2.3.4.5",
    "999.1.1.1",
    "example.0x1",
    "fe80::1%eth0",
    "[::1",
    "::1]",
    "[127.0.0.1]",
    "a:80",
    "x".repeat(254),
  ])("%j is not a host", (text) => {
    expect(parseHost(text)).toBeUndefined();
  });

  test.each([
    ["10.1.2.3/8", { family: 4, first: 0x0a00_0000n, bits: 8 }],
    ["10.1.2.3", { family: 4, first: 0x0a01_0203n, bits: 32 }],
    ["::ffff:10.0.0.0/104", { family: 4, first: 0x0a00_0000n, bits: 8 }],
    ["2001:db8::/32", { family: 6, first: 0x2001_0db8n << 96n, bits: 32 }],
    ["0.0.0.0/0", { family: 4, first: 0n, bits: 0 }],
    ["10.0.0.0/33", undefined],
    ["::ffff:0:0/95", undefined],
    ["10.0.0.0/", undefined],
    ["example.com/8", undefined],
  ])("%s as a range", (text, range) => {
    expect(parseRange(text)).toEqual(range);
  });
});

describe("rules", () => {
  test("the first rule that matches applies, or else the default, which is deny", () => {
    const policy = { egress: [...deny("bad.example.com", "93.184.0.0/16"), ...allow("*.example.com")] };
    expect(allows(policy, "1.1.1.1", "good.example.com")).toBe(true);
    expect(allows(policy, "1.1.1.1", "bad.example.com")).toBe(false);
    expect(allows(policy, "93.184.1.1", "good.example.com")).toBe(false);
    expect(allows(policy, "1.1.1.1", "example.com")).toBe(false);
    expect(allows(policy, "1.1.1.1", "notexample.com")).toBe(false);
    expect(allows(policy, "1.1.1.1", "a.b.example.com")).toBe(true);
    expect(allows({ egress: allow("1.1.1.0/24") }, "1.1.1.1")).toBe(true);
    expect(allows({}, "1.1.1.1")).toBe(false);
    expect(allows({ defaultAction: "allow" }, "1.1.1.1")).toBe(true);
  });

  const SPECIAL = [
    ...["127.0.0.1", "127.255.0.1", "::1", "0.0.0.0", "0.1.2.3", "::"],
    ...["10.0.0.1", "172.31.0.1", "192.168.1.1", "100.64.0.1", "fd00::1", "fec0::1"],
    ...["169.254.1.1", "fe80::1", "224.0.0.1", "255.255.255.255", "ff02::1"],
    ...["169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "fd00:ec2::254"],
    ...["::ffff:10.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b:1::1", "::10.0.0.1", "2002:a00:1::1", "2001::1"],
    "4000::1",
  ];

  test.each(SPECIAL)("%s needs a rule that names it", (address) => {
    const everything = allow("0.0.0.0/0", "::/0", "name.example", "8.0.0.0/5", "::/2");
    expect(allows({ defaultAction: "allow" }, address)).toBe(false);
    expect(allows({ defaultAction: "allow", egress: everything }, address, "name.example")).toBe(false);
    expect(allows({ egress: allow(address) }, address)).toBe(true);
    expect(allows({ egress: [...allow("name.example"), ...allow(address)] }, address, "name.example")).toBe(
      true,
    );
    expect(allows({ egress: [...deny(address), ...allow(address)] }, address)).toBe(false);
  });

  test("a range opens special addresses if it is a part of theirs, but metadata addresses only by themselves", () => {
    expect(allows({ egress: allow("10.0.0.0/8") }, "10.1.1.1")).toBe(true);
    expect(allows({ egress: allow("10.0.0.0/7") }, "10.1.1.1")).toBe(false);
    expect(allows({ egress: allow("169.254.0.0/16") }, "169.254.1.1")).toBe(true);
    expect(allows({ egress: allow("169.254.0.0/16") }, "169.254.169.254")).toBe(false);
  });

  test("this machine's own addresses are special", () => {
    for (const { address } of Object.values(networkInterfaces()).flatMap((entries) => entries ?? [])) {
      expect(allows({ defaultAction: "allow" }, address)).toBe(false);
    }
  });

  test("an IPv4 rule covers the IPv4-mapped form, whichever of both the rule has", () => {
    expect(allows({ egress: deny("1.1.1.1"), defaultAction: "allow" }, "::ffff:1.1.1.1")).toBe(false);
    expect(allows({ egress: deny("::ffff:1.1.1.1"), defaultAction: "allow" }, "1.1.1.1")).toBe(false);
  });

  test("added rules come first and replace those with the same target, however it is spelled", () => {
    const rules = new Rules({ egress: [...allow("a.example", "10.0.0.1"), ...deny("*.b.example")] });
    expect(rules.with([...deny("A.EXAMPLE."), ...deny("0xa.1")]).egress).toEqual([
      ...deny("A.EXAMPLE.", "0xa.1"),
      ...deny("*.b.example"),
    ]);
    expect(rules.without(["a.example", "*.B.example", "other.example"]).egress).toEqual(allow("10.0.0.1"));
    expect(rules.egress).toHaveLength(3);
  });

  test.each([
    [null, "must be an object; got null"],
    [[], "must be an object; got []"],
    [{ defaultAction: "maybe" }, 'defaultAction must be "allow" or "deny"; got "maybe"'],
    [{ egress: {} }, "egress must be a list of rules; got {}"],
    [{ egress: ["a"] }, 'egress[0] must be an object; got "a"'],
    [{ egress: [{ target: "a" }] }, 'egress[0].action must be "allow" or "deny"; got undefined'],
    [{ egress: [{ action: "allow" }] }, "egress[0].target must be a string; got undefined"],
    [{ egress: [...allow("a"), ...allow("https://a")] }, "egress[1].target must be a name, a wildcard"],
    [{ egress: allow("*") }, "egress[0].target must be a name, a wildcard"],
    [{ egress: allow("*.10.0.0.1") }, "egress[0].target must be a name, a wildcard"],
    [{ egress: allow("10.0.0.0/40") }, "egress[0].target must be a name, a wildcard"],
    [{ egress: allow(...Array<string>(4097).fill("a")) }, "egress must have at most 4096 rules; got 4097"],
  ])("%# is not a policy", (policy, message) => {
    expect(() => new Rules(policy)).toThrow(message);
  });
});

describe("connections", () => {
  let server: Server;
  let port: number;
  const accepted: Socket[] = [];
  beforeAll(async () => {
    server = createServer((socket) => accepted.push(socket.on("error", () => undefined))).listen(
      0,
      "127.0.0.2",
    );
    await once(server, "listening");
    ({ port } = server.address() as AddressInfo);
  });
  afterAll(() => {
    for (const socket of accepted) socket.destroy();
    server.close();
  });

  /** A connector, and the names that it has looked up. Each lookup returns the next list of addresses. */
  function connectorOf(policy: LocalNetworkPolicy, ...answers: string[][]) {
    const lookups: string[] = [];
    const connector = new Connector(new Rules(policy), (name) => {
      lookups.push(name);
      return Promise.resolve(answers.shift() ?? []);
    });
    return {
      connector,
      lookups,
      connect: (host: string) => connector.connect(host, port, new AbortController().signal),
    };
  }

  test("a name whose address changes between two lookups is looked up once", async () => {
    const policy = { egress: allow("name.example", "127.0.0.2") };
    const { connect, lookups } = connectorOf(policy, ["127.0.0.2"], ["10.0.0.1"]);
    const socket = await connect("NAME.example.");
    expect(socket.remoteAddress).toBe("127.0.0.2");
    expect(lookups).toEqual(["name.example"]);
    socket.destroy();
    await expect(connect("name.example")).rejects.toThrow("10.0.0.1 is a private address");
  });

  test("of the addresses of a name, only those that the rules allow are used", async () => {
    const policy = { egress: allow("name.example", "127.0.0.2") };
    const socket = await connectorOf(policy, ["127.0.0.1", "::1", "127.0.0.2"]).connect("name.example");
    expect(socket.remoteAddress).toBe("127.0.0.2");
    socket.destroy();
  });

  test("a name that no rule allows is not looked up, so that lookups carry nothing out", async () => {
    const { connect, lookups } = connectorOf({ egress: allow("127.0.0.2", "*.example") }, ["127.0.0.2"]);
    await expect(connect("secret.attacker.test")).rejects.toThrow(
      `does not allow secret.attacker.test:${port}: no rule matches, and the default action is deny.`,
    );
    expect(lookups).toEqual([]);
  });

  test("localhost and names below it are this machine, and are never looked up", async () => {
    const { connect, lookups } = connectorOf({ defaultAction: "allow" });
    await expect(connect("localhost")).rejects.toThrow("127.0.0.1 is a loopback address");
    await expect(connect("name.localhost")).rejects.toThrow("127.0.0.1 is a loopback address");
    expect(lookups).toEqual([]);
  });

  test("new rules reset open connections that they do not allow, and no others", async () => {
    const { connector, connect } = connectorOf({ egress: allow("127.0.0.2", "name.example") }, ["127.0.0.2"]);
    const [byAddress, byName] = [await connect("127.0.0.2"), await connect("name.example")];
    connector.rules = connector.rules.with(deny("name.example"));
    connector.rules = new Rules({ egress: [...deny("name.example"), ...allow("127.0.0.2")] });
    await once(byName, "close");
    expect(byAddress.destroyed).toBe(false);
    byAddress.destroy();
  });

  test("an attempt ends when it is aborted, when nothing listens, and when a name has no address", async () => {
    const { connector, connect } = connectorOf({ egress: allow("127.0.0.2", "name.example") }, []);
    const reason = new Error("gone");
    await expect(connector.connect("127.0.0.2", port, AbortSignal.abort(reason))).rejects.toBe(reason);
    await expect(connect("name.example")).rejects.toThrow("it has no address");
    await expect(connector.connect("127.0.0.2", 1, new AbortController().signal)).rejects.toThrow(
      "Could not connect to 127.0.0.2:1: ECONNREFUSED.",
    );
    await expect(connector.connect("127.0.0.2", 0, new AbortController().signal)).rejects.toThrow(
      "not a valid target",
    );
  });
});
