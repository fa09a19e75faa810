// SPDX-License-Identifier: Apache-2.0
// After jest's own summary: why tests were skipped, and the line "N passed, N failed".

/** Counts by the reason that test/needs.ts puts into the title of a skipped test. */
function reasonsOf(testResults) {
  const counts = new Map();
  for (const { fullName, status } of testResults.flatMap((file) => file.testResults)) {
    if (status !== 'pending' && status !== 'todo') continue;
    const reason = /\[skipped: (.*)\]/.exec(fullName)?.[1] ?? 'no reason is given (a filter, or .skip)';
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  return counts;
}

module.exports = class SkipReporter {
  onRunComplete(_contexts, results) {
    // A test file that does not load has no tests that could fail.
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    // jest prints its summary after it has asked all reporters.
    process.once('exit', () => {
      for (const [reason, count] of reasonsOf(results.testResults)) console.log(`skipped ${count}: ${reason}`);
      console.log(`${results.numPassedTests} passed, ${failed} failed`);
    });
  }
};
