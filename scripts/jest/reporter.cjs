// SPDX-License-Identifier: Apache-2.0
// After jest's own summary: why tests were skipped, and the line "N passed, N failed".

// The package that declares this type is not a direct dependency.
/** @typedef {Parameters<import('@jest/test-sequencer').default['cacheResults']>[1]} AggregatedResult */

/**
 * Counts skipped tests by the reason that test/needs.ts adds to their titles.
 *
 * @param {AggregatedResult['testResults']} testResults
 */
function reasonsOf(testResults) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const { fullName, status } of testResults.flatMap((file) => file.testResults)) {
    if (status !== 'pending' && status !== 'todo') continue;
    const reason = /\[skipped: (.*)\]/.exec(fullName)?.[1] ?? 'no reason is given (a filter, or .skip)';
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  return counts;
}

module.exports = class SkipReporter {
  /**
   * @param {unknown} _contexts
   * @param {AggregatedResult} results
   */
  onRunComplete(_contexts, results) {
    // A test file that can't be loaded has no tests, but must count as a failure.
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    // jest prints its summary after all reporters have run.
    process.once('exit', () => {
      for (const [reason, count] of reasonsOf(results.testResults)) console.log(`skipped ${count}: ${reason}`);
      console.log(`${results.numPassedTests} passed, ${failed} failed`);
    });
  }
};
