// SPDX-License-Identifier: Apache-2.0
import { command, SHELLS, type Shell } from './command.js';

/** Prints completion scripts. */
export const completion = command({
  name: 'completion',
  summary: 'print a completion script for a shell',
  description:
    'Prints a script for bash, zsh or fish that completes commands, options and their values. Completing a word does not start the program.',
  needs: 'nothing',
  args: {
    name: 'shell',
    summary: SHELLS.join(', '),
    number: 'one',
    missing: 'bash, zsh or fish',
    stdin: false,
    choices: SHELLS,
    parse: (word) => SHELLS.find((shell) => shell === word) ?? null,
    invalid: (word) => `'${word}' is not a supported shell; supported: ${SHELLS.join(', ')}`,
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
  exit: { 0: 'the script was printed', 2: 'the shell is not supported' },

  *run({ words, program }) {
    yield program.completion(words[0] as Shell);
    return 0;
  },

  text: () => ({ row: (text) => text }),
});
