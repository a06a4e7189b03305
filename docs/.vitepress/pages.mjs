/**
 * Every page of the site, in reading order. The sidebar and `llms.txt` are made from this list, and a test holds it and the
 * files in `docs/` to each other.
 */
export const pages = [
  {
    section: "Start",
    items: [
      { page: "quick-start", title: "Quick start" },
      { page: "local-server", title: "The local server" },
      { page: "command-line", title: "The command line" },
    ],
  },
  {
    section: "Run code",
    items: [
      { page: "contexts", title: "Contexts and state" },
      { page: "streaming", title: "Streaming" },
      { page: "stopping", title: "Stopping" },
      { page: "results", title: "Results and charts" },
      { page: "packages", title: "Packages in a sandbox" },
      { page: "files", title: "Files" },
      { page: "commands", title: "Commands" },
      { page: "terminals", title: "Terminals" },
    ],
  },
  {
    section: "Agents",
    items: [
      { page: "agents", title: "Tools for agents" },
      { page: "frameworks", title: "Frameworks" },
      { page: "mcp", title: "MCP hosts" },
    ],
  },
  {
    section: "In practice",
    items: [
      { page: "browser", title: "In a browser" },
      { page: "playground", title: "The playground" },
      { page: "network", title: "Network" },
      { page: "pools", title: "Pools" },
      { page: "testing", title: "Testing your program" },
      { page: "observability", title: "Observability" },
      { page: "production", title: "Going to production" },
    ],
  },
  {
    section: "Look things up",
    items: [
      { page: "errors", title: "Errors" },
      { page: "capabilities", title: "Capabilities by server version" },
      { page: "migration", title: "Moving from another SDK" },
      { page: "differences", title: "How the local server differs" },
    ],
  },
  {
    section: "How it works",
    items: [
      { page: "architecture", title: "Architecture" },
      { page: "isolation", title: "Isolation" },
      { page: "reliability", title: "Reliability" },
      { page: "benchmarks", title: "Benchmarks" },
    ],
  },
];
