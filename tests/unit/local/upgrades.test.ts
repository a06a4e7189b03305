import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { Duplex, PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { expect, test } from "@jest/globals";
import { joinUpgrade } from "../../../src/local/http/upgrades.js";
import type { UpgradeTarget } from "../../../src/local/sandboxes/routes/gateway.js";

function request(): IncomingMessage {
  return Object.assign(new IncomingMessage(new Socket()), { method: "GET", url: "/socket" });
}

/** A connection into a sandbox, and what is written to it. */
function connectionInto(): { readonly target: UpgradeTarget; readonly written: PassThrough } {
  const written = new PassThrough();
  const connection = Duplex.from({ readable: new PassThrough(), writable: written });
  return { target: { connection, path: "/socket", headers: { upgrade: "echo" } }, written };
}

test("a client that is gone before the connection into the sandbox exists leaves none behind", async () => {
  const { target } = connectionInto();
  const client = new PassThrough();
  await joinUpgrade(request(), client, Buffer.alloc(0), async () => {
    client.destroy();
    await new Promise((resolve) => client.once("close", resolve));
    return target;
  });
  expect(target.connection.destroyed).toBe(true);
});

test("the request reaches the sandbox first, then what the client sent after it", async () => {
  const { target, written } = connectionInto();
  const client = new PassThrough();
  await joinUpgrade(request(), client, Buffer.from("head"), () => Promise.resolve(target));
  client.end(" and tail");
  expect(await text(written)).toBe("GET /socket HTTP/1.1\r\nupgrade: echo\r\n\r\nhead and tail");
});
