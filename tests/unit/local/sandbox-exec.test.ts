import { expect, test } from "@jest/globals";
import { makeProfile } from "../../../src/local/isolation/sandbox-exec.js";

const RULES = {
  readable: ["/usr", "/Users/me/.nvm/versions/node/v20", "/usr"],
  writable: ["/private/tmp/box/workspace"],
  unreadable: ["/private/var/root"],
  home: "/Users/me",
  network: "deny",
} as const;

test("what is not allowed is denied, and the network with it", () => {
  const profile = makeProfile(RULES);
  expect(profile.startsWith("(version 1)\n(deny default)\n")).toBe(true);
  expect(profile).toContain("(deny network*)");
  expect(profile).not.toContain("(allow network*)");
  expect(makeProfile({ ...RULES, network: "allow" })).toContain("(allow network*)");
});

test("the home directory is denied after what is readable, and a runtime in it allowed after that", () => {
  const profile = makeProfile(RULES);
  const positions = [
    '(allow file-read*\n  (subpath "/usr")\n  (subpath "/Users/me/.nvm/versions/node/v20")\n)',
    '(deny file-read*\n  (subpath "/Users/me")\n  (subpath "/private/var/root")\n)',
    '(allow file-read*\n  (subpath "/Users/me/.nvm/versions/node/v20")\n  (subpath "/private/tmp/box/workspace")\n)',
  ].map((rule) => profile.indexOf(rule));
  expect(positions.every((position) => position > 0)).toBe(true);
  expect(positions).toEqual([...positions].sort((a, b) => a - b));
});

test("only the box's own directories can be written to", () => {
  expect(makeProfile(RULES).match(/\(allow file-write\*\n[^)]*\)\n\)/g)).toEqual([
    '(allow file-write*\n  (subpath "/private/tmp/box/workspace")\n)',
  ]);
});

test("a name cannot end its string", () => {
  const profile = makeProfile({ ...RULES, writable: ['/tmp/a"b\\c'] });
  expect(profile).toContain(String.raw`(subpath "/tmp/a\"b\\c")`);
});

test("the home directory itself is never readable, even where a runtime's prefix is it", () => {
  const profile = makeProfile({ ...RULES, readable: ["/Users/me"] });
  expect(profile).not.toMatch(/allow file-read\*\n(  .*\n)*  \(subpath "\/Users\/me"\)/);
});
