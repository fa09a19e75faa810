// SPDX-License-Identifier: Apache-2.0
const { default: Sequencer } = require('@jest/test-sequencer');

/** Test files that take a minute are begun first, so that none of them is alone at the end. */
const LONG =
  /\/(recorded|crash\.test|tasks\.test|ends\.test|omission\.test|fuzz\.test|excerpt\.test|one-crash\.test|dwarf\.test)/;

module.exports = class LongFirst extends Sequencer {
  sort(tests) {
    const isLong = ({ path }) => (LONG.test(path) ? 1 : 0);
    return [...super.sort(tests)].sort((a, b) => isLong(b) - isLong(a));
  }
};
