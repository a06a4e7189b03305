import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { LocalClient, type LocalSandbox } from "../helpers/local-sandbox.js";
import { allow, createWithRules, HOST, startWeb } from "../helpers/network-rules.js";
import { describeIf, isolationWorks, NO_ISOLATION_REASON, runs } from "../helpers/skips.js";

/** Responses of package registries and of a repository, by path. Each has one package, `probe` of version 1.2.3. */
const FILES: Record<string, string> = {
  "/simple/probe/": '<a href="/probe-1.2.3-py3-none-any.whl">probe-1.2.3-py3-none-any.whl</a>',
  "/probe": JSON.stringify({
    name: "probe",
    "dist-tags": { latest: "1.2.3" },
    versions: { "1.2.3": { name: "probe", version: "1.2.3" } },
  }),
  "/go/example.com/probe/@v/list": "v1.2.3\n",
  "/go/example.com/probe/@v/v1.2.3.info": '{"Version":"v1.2.3","Time":"2026-01-01T00:00:00Z"}',
  "/go/example.com/probe/@v/v1.2.3.mod": "module example.com/probe\n",
  "/text": "through the proxy",
};

describeIf(
  isolationWorks,
  "local/network-rules, tools",
  NO_ISOLATION_REASON,
)("with network rules", () => {
  let client: LocalClient;
  let sandbox: LocalSandbox;
  let web: Awaited<ReturnType<typeof startWeb>>;
  let repository: string;
  beforeAll(async () => {
    repository = mkdtempSync(path.join(os.tmpdir(), "network-rules-test-"));
    // Java and Go never use a proxy for 127.0.0.0/8. They get a name below `localhost`, which is 127.0.0.1.
    web = await startWeb((request, response) => {
      const [file = ""] = (request.url ?? "").split("?");
      const body = file.startsWith("/git/") ? inRepository(file.slice(5)) : FILES[file];
      response.writeHead(body === undefined ? 404 : 200, {
        "content-type": file.startsWith("/simple/") ? "text/html" : "application/octet-stream",
      });
      response.end(body);
    }, "0.0.0.0");
    client = await LocalClient.start({ port: false });
    sandbox = await createWithRules(client, ...allow(HOST, "*.localhost", "127.0.0.1"));
  });
  afterAll(async () => {
    await client.server.close();
    web.server.close();
    rmSync(repository, { recursive: true });
  });

  function inRepository(file: string): Buffer | undefined {
    try {
      return readFileSync(path.join(repository, file));
    } catch {
      return undefined;
    }
  }

  const url = () => `http://${HOST}:${web.port}`;
  /** Declares a test of a program, if it is installed. */
  const testIf =
    (program: string, ...args: string[]) =>
    (name: string, act: () => Promise<void>) =>
      describeIf(
        runs(program, args),
        `local/network-rules, ${program}`,
        `${program} is not installed`,
      )(program, () => {
        test(name, act);
      });

  /** Expects a command to print a text. */
  async function expectOutput(command: string, expected: string): Promise<void> {
    const { stdout, stderr } = await sandbox.command(command);
    expect(`${stdout}\n${stderr}`).toContain(expected);
  }

  testIf("curl", "--version")("curl works", () =>
    expectOutput(`curl -sS ${url()}/text`, "through the proxy"),
  );

  testIf(
    "python3",
    "-m",
    "pip",
    "--version",
  )("pip finds a package", () =>
    expectOutput(
      `python3 -m pip index versions probe --index-url ${url()}/simple/ --trusted-host ${HOST} 2>&1`,
      "probe (1.2.3)",
    ),
  );

  testIf(
    "python3",
    "-c",
    "",
  )("Python's urllib works", () =>
    expectOutput(
      `python3 -c 'import urllib.request; print(urllib.request.urlopen("${url()}/text").read())'`,
      "through the proxy",
    ),
  );

  testIf("npm", "--version")("npm finds a package", () =>
    expectOutput(`npm view probe version --registry ${url()}/`, "1.2.3"),
  );

  testIf("go", "version")("Go's tools find a module", () =>
    expectOutput(
      `go mod init test 2>/dev/null; NO_PROXY= no_proxy= GOPROXY=http://go.localhost:${web.port}/go GONOSUMDB='*' GOFLAGS=-mod=mod go list -m -versions example.com/probe`,
      "example.com/probe v1.2.3",
    ),
  );

  testIf("git", "--version")("git reads a repository", async () => {
    const git = (...args: string[]) =>
      execFileSync("git", ["-C", repository, "-c", "user.name=a", "-c", "user.email=a@b", ...args]);
    git("init", "-q", "--bare");
    const tree = git("hash-object", "-t", "tree", "-w", "/dev/null").toString().trim();
    const commit = git("commit-tree", "-m", "first", tree).toString().trim();
    git("update-ref", "refs/heads/main", commit);
    git("update-server-info");
    await expectOutput(`git ls-remote ${url()}/git`, `${commit}\trefs/heads/main`);
  });

  testIf("jshell", "--version")("Java's clients work, in the kernel and in commands", async () => {
    const program = `
var url = "http://java.localhost:${web.port}/text";
var request = java.net.http.HttpRequest.newBuilder(java.net.URI.create(url)).build();
var body = java.net.http.HttpResponse.BodyHandlers.ofString();
System.out.println(java.net.http.HttpClient.newHttpClient().send(request, body).body());
System.out.println(new String(new java.net.URL(url).openStream().readAllBytes()));`;
    const { stdout, stderr } = await sandbox.run("java", program);
    expect([stdout, stderr]).toEqual(["through the proxy\nthrough the proxy\n", ""]);
    await sandbox.upload(
      "/workspace/Main.java",
      `public class Main { public static void main(String[] a) throws Exception {${program}} }`,
    );
    const inCommand = await sandbox.command("java Main.java");
    expect([inCommand.stdout, inCommand.stderr]).toEqual(["through the proxy\nthrough the proxy", ""]);
  });
});
