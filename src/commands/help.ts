// SPDX-License-Identifier: Apache-2.0
import { command } from './command.js';

/** Help of the program or of a command. */
export const help = command({
  name: 'help',
  summary: 'show what a command does, and its options',
  description: 'Shows what a command does, and its options; without a command those of the program.',
  needs: 'nothing',
  args: {
    name: 'command',
    summary: 'the command',
    number: 'optional',
    missing: 'the command',
    stdin: false,
    parse: (word) => word,
    invalid: (word) => `'${word}' is not a command`,
  },
  options: {},
  records: [],
  csv: false,
  notes: [],
  examples: [{ line: 'help excerpt' }],
  exit: { 0: 'it was shown', 2: 'there is no such command' },

  *run({ words: [word], program }) {
    yield program.help(word ?? null);
    return 0;
  },

  text: () => ({ row: (text) => text }),
});
