// SPDX-License-Identifier: Apache-2.0
import { expect, test } from '@jest/globals';
import type { State } from '../../../src/core/outcome.js';
import { guestBlock } from '../../../src/report/text.js';

test.each<[State, string]>([
  ['not-present', '(not mapped)'],
  ['noncanonical', '(not mapped)'],
  ['table-missing', '(not known)'],
  ['damaged', '(not known)'],
])('a guest virtual address whose walk ended as %s is %s', (state, words) => {
  const [, line = ''] = guestBlock('7f0000000000', null, state, []).split('\n');
  expect(line.trimEnd().split(/ {2,}/)).toEqual(['7f0000000000', words]);
});
