// SPDX-License-Identifier: Apache-2.0
import { command } from './command.js';

/** Prints the help of the program or of a command. */
export const help = command({
  name: 'help',
  summary: 'describe a command and its options',
  description: 'Describes a command and its options. Without a command, describes the program.',
  needs: 'nothing',
  args: {
    name: 'command',
    summary: 'name of a command',
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
  exit: { 0: 'the help was printed', 2: 'the command does not exist' },

  *run({ words: [word], program }) {
    yield program.help(word ?? null);
    return 0;
  },

  text: () => ({ row: (text) => text }),
});
