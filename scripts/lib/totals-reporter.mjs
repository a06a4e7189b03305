/** Sends the counts of each test file, by its path, to `scripts/test.mjs`, which started jest. */
export default class TotalsReporter {
  onRunComplete(_contexts, { testResults }) {
    const files = testResults.map((result) => {
      // A file that does not load, or whose process crashes, has no tests that could fail.
      const errors = result.testExecError ? 1 : 0;
      return [
        result.testFilePath,
        {
          passed: result.numPassingTests,
          failed: result.numFailingTests + errors,
          skipped: result.numPendingTests + result.numTodoTests,
        },
      ];
    });
    process.send?.(Object.fromEntries(files));
  }
}
