#!/usr/bin/env node
// Every Node since 13.2 must be able to parse this file, so that an old one gets a message instead of a syntax error.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major > 20 || (major === 20 && minor >= 16)) {
  void import("./command.js").then(({ main }) => main(process.argv));
} else {
  console.error(
    `opensandbox-code-interpreter needs Node 20.16 or newer; this is Node ${process.versions.node} (${process.execPath}). Install a newer one from https://nodejs.org.`,
  );
  process.exitCode = 70;
}

export {};
