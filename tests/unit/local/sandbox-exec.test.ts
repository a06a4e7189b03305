import { expect, test } from "@jest/globals";
import { makeProfile } from "../../../src/local/box/isolation/sandbox-exec.js";

const RULES = {
  readable: ["/usr", "/Users/me/.nvm/versions/node/v20", "/usr"],
  writable: ["/private/tmp/box/workspace"],
  unreadable: ["/private/var/root"],
  home: "/Users/me",
  network: "deny",
} as const;

test("denies everything that is not allowed, the network included", () => {
  const profile = makeProfile(RULES);
  expect(profile.startsWith("(version 1)\n(deny default)\n")).toBe(true);
  expect(profile).toContain("(deny network*)");
  expect(profile).not.toMatch(/allow network.*\bip\b/);
  expect(profile).not.toMatch(/mach-lookup.*(dnssd|trustd)/);
});

test("allows IP and sockets in the box's own directories, but not the Docker daemon's", () => {
  const profile = makeProfile({ ...RULES, network: "allow" });
  const rules = profile.split("\n").filter((line) => /^\((allow|deny) network/.test(line));
  expect(rules).toEqual([
    "(deny network*)",
    '(allow network-bind network-inbound (local unix-socket (subpath "/private/tmp/box/workspace")))',
    '(allow network-outbound (remote unix-socket (subpath "/private/tmp/box/workspace")))',
    "(allow network* (local ip) (remote ip))",
    '(allow network-outbound (remote unix-socket (path-literal "/private/var/run/mDNSResponder")))',
  ]);
});

test("no device of the user's can be read, such as a terminal", () => {
  const profile = makeProfile(RULES);
  expect(profile).not.toContain('(subpath "/dev")');
  expect(profile).toMatch(
    /^\(allow file-read\* \(subpath "\/dev\/fd"\) .*\(literal "\/dev\/urandom"\).*\)$/m,
  );
  expect(/"\/dev\/tty[^"]+"/.exec(profile)).toBeNull();
});

test("denies the arguments of other processes after allowing system information", () => {
  const profile = makeProfile(RULES);
  const denied = profile.indexOf('(deny sysctl-read (sysctl-name-regex #"^kern.procargs"))');
  expect(denied).toBeGreaterThan(profile.indexOf("(allow sysctl-read)"));
});

test("every parenthesis and every string of it has an end", () => {
  for (const network of ["deny", "allow"] as const) {
    const withoutStrings = makeProfile({ ...RULES, network }).replace(/#?"(?:\\.|[^"\\])*"/g, "");
    expect(withoutStrings).not.toContain('"');
    let depth = 0;
    for (const character of withoutStrings) {
      if (character === "(") depth++;
      if (character === ")") depth--;
      expect(depth).toBeGreaterThanOrEqual(0);
    }
    expect(depth).toBe(0);
  }
});

test("denies the home directory after the readable files, and then allows a runtime in it", () => {
  const profile = makeProfile(RULES);
  const positions = [
    '(allow file-read*\n  (subpath "/usr")\n  (subpath "/Users/me/.nvm/versions/node/v20")\n)',
    '(deny file-read*\n  (subpath "/Users/me")\n  (subpath "/private/var/root")\n)',
    '(allow file-read*\n  (subpath "/Users/me/.nvm/versions/node/v20")\n  (subpath "/private/tmp/box/workspace")\n)',
  ].map((rule) => profile.indexOf(rule));
  expect(positions.every((position) => position > 0)).toBe(true);
  expect(positions).toEqual([...positions].sort((a, b) => a - b));
});

test("allows writing only to the box's own directories", () => {
  expect(makeProfile(RULES).match(/\(allow file-write\*\n[^)]*\)\n\)/g)).toEqual([
    '(allow file-write*\n  (subpath "/private/tmp/box/workspace")\n)',
  ]);
});

test("a name cannot end its string", () => {
  const profile = makeProfile({ ...RULES, writable: ['/tmp/a"b\\c'] });
  expect(profile).toContain(String.raw`(subpath "/tmp/a\"b\\c")`);
});

test("never allows the home directory itself, even if it is a runtime's prefix", () => {
  const profile = makeProfile({ ...RULES, readable: ["/Users/me"] });
  expect(profile).not.toMatch(/allow file-read\*\n(  .*\n)*  \(subpath "\/Users\/me"\)/);
});
