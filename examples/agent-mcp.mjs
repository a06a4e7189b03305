// @ts-check
// A client of the MCP server. MCP hosts start it like this and offer the tools to their model.
//
// node examples/agent-mcp.mjs
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";

const args = ["opensandbox-code-interpreter", "mcp"];
const client = new Client({ name: "example", version: "1.0.0" });
// Without a server in `env` the code runs on this machine, isolated; a notice on standard error says so.
await client.connect(new StdioClientTransport({ command: "npx", args, stderr: "ignore" }));
try {
  const { tools } = await client.listTools();
  console.log(tools.map(({ name }) => name).join(" "));
  for (const code of ["import math", "math.comb(10, 3)", "math.sqrt(-1)"]) {
    const { content, isError } = await client.callTool({ name: "run_code", arguments: { code } });
    for (const block of content)
      if (block.type === "text") console.log(isError ? "failed:" : "ok:", block.text);
  }
} finally {
  await client.close();
}
