// SPDX-License-Identifier: Apache-2.0
import { command, SHELLS, type Shell } from './command.js';

/** Completion scripts. */
export const completion = command({
  name: 'completion',
  summary: 'print a script that completes command lines in a shell',
  description:
    'Prints a script for bash, zsh or fish that completes commands, options and their values. It is static text: completing a word does not start the program.',
  needs: 'nothing',
  args: {
    name: 'shell',
    summary: SHELLS.join(', '),
    number: 'one',
    missing: 'the shell',
    stdin: false,
    choices: SHELLS,
    parse: (word) => SHELLS.find((shell) => shell === word) ?? null,
    invalid: (word) => `'${word}' is not a shell that is known; known: ${SHELLS.join(', ')}`,
  },
  options: {},
  records: [],
  csv: false,
  notes: [],
  examples: [
    { line: 'completion bash > ~/.local/share/bash-completion/completions/kvm-vtop' },
    { line: 'completion zsh > /usr/local/share/zsh/site-functions/_kvm-vtop' },
    { line: 'completion fish > ~/.config/fish/completions/kvm-vtop.fish' },
  ],
  exit: { 0: 'it was printed', 2: 'the shell is not known' },

  *run({ words, program }) {
    yield program.completion(words[0] as Shell);
    return 0;
  },

  text: () => ({ row: (text) => text }),
});
