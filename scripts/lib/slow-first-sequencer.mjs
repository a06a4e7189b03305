import Sequencer from "@jest/test-sequencer";

/**
 * The slowest test files. Started last, one of them would run alone at the end. Jest knows durations only from an
 * earlier run on the same machine.
 */
const SLOW = [
  "tests/local/kernels-java.test.ts",
  "tests/conformance/recorded.test.ts",
  "tests/conformance/facade.test.ts",
  "tests/conformance/worlds.test.ts",
  "tests/examples/examples.test.ts",
  "tests/docs/pages.test.ts",
  "tests/agents/mcp.test.ts",
  "tests/local/kernels-packages.test.ts",
  "tests/cli/run.test.ts",
  "tests/clients/clients.test.ts",
  "tests/cli/recordings.test.ts",
  "tests/agents/code-tools.test.ts",
  "tests/local/kernels-go.test.ts",
  "tests/unit/generate.test.ts",
  "tests/types/public-api.test.ts",
  "tests/faults/callers.test.ts",
  "tests/faults/sandboxes.test.ts",
];

export default class SlowFirstSequencer extends Sequencer {
  sort(tests) {
    const isSlow = ({ path }) => SLOW.some((name) => path.replaceAll("\\", "/").endsWith(name));
    const sorted = super.sort(tests);
    return [...sorted.filter(isSlow), ...sorted.filter((each) => !isSlow(each))];
  }
}
