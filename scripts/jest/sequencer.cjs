// SPDX-License-Identifier: Apache-2.0
const { default: Sequencer } = require('@jest/test-sequencer');

/** @typedef {Parameters<Sequencer['sort']>[0]} Tests */

/** The slowest test files start first, so that none of them runs alone at the end. */
const LONG =
  /\/(omission|tasks|recorded\/(debian.*|snappy|excerpt)|old-kernels|crash|crash-ext|one-crash|ends|golden|fuzz|excerpt|queue)\.test/;

/** @type {(test: Tests[number]) => number} */
const rank = ({ path }) => (LONG.test(path) ? 0 : 1);

module.exports = class LongFirst extends Sequencer {
  /**
   * @override
   * @param {Tests} tests
   */
  async sort(tests) {
    const sorted = await super.sort(tests);
    return sorted.sort((a, b) => rank(a) - rank(b));
  }
};
