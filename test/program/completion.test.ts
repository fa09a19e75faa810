// SPDX-License-Identifier: Apache-2.0
// Runs the completion scripts in their shells, and mandoc on the man page.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { fish, mandoc, needing, zsh } from '../needs.js';
import { kvmVtop, LIMIT, ROOT } from '../run.js';

const folder = mkdtempSync(join(tmpdir(), 'kvm-vtop-completion-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function script(shell: string): string {
  const path = join(folder, `script.${shell}`);
  writeFileSync(path, kvmVtop(['completion', shell]).stdout);
  return path;
}

/** The words that a shell offers for a typed line; if there is only one, bash completes it. */
type Ask = (typed: string) => string[];

const shell = (program: string, args: readonly string[], environment = {}): string => {
  // Completion must not start the program: PATH does not have it.
  const env = { PATH: '/usr/bin:/bin', HOME: folder, TERM: 'dumb', ...environment };
  const run = spawnSync(program, args, { encoding: 'utf8', env, timeout: LIMIT, cwd: folder });
  return run.stdout;
};

const inBash: Ask = (typed) => {
  const code = `source "$1"; read -ra COMP_WORDS <<< "\${2//=/ = }"; [[ $2 == *" " ]] && COMP_WORDS+=("")
    COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); compopt() { :; }; _kvm_vtop; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return shell('bash', ['-c', code, 'bash', script('bash'), typed])
    .split('\n')
    .filter(Boolean);
};

const inFish: Ask = (typed) =>
  shell('fish', ['--no-config', '-c', 'source $argv[1]; complete -C $argv[2]', script('fish'), typed])
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split('\t')[0] as string);

/** zsh completes only at a terminal: zpty provides one, and a widget prints the completed line. */
const inZsh: Ask = (typed) => {
  const setUp = [
    'PS1= RPS1=; autoload -Uz compinit; compinit -u -D',
    `source ${script('zsh')}`,
    'say() { zle complete-word; print -r -- "LINE:$BUFFER:"; BUFFER= }; zle -N say; bindkey "^I" say',
    'echo REA""DY',
  ].join('\n');
  writeFileSync(join(folder, 'setup.zsh'), setUp);
  const outer = `zmodload zsh/zpty; zpty z zsh -f -i; zpty -w z "source ${folder}/setup.zsh"
    while zpty -r z line; do [[ $line == *READY* ]] && break; done
    zpty -w -n z "$1"$'\\t'
    while zpty -r z line; do print -r -- "$line"; [[ $line == *LINE:*:* ]] && break; done; zpty -d z`;
  const line = /LINE:(.*?) ?:/.exec(shell('zsh', ['-f', '-c', outer, 'zsh', typed]))?.[1] ?? '';
  // To an option with a value, zsh adds =, and removes it again before a blank.
  return [(line.split(' ').at(-1) as string).replace(/=$/, '')];
};

writeFileSync(join(folder, 'vmcore.kdump'), '');

const CASES: readonly (readonly [string, string, string, string])[] = [
  ['a command', 'kvm-vtop ph', 'phys', 'vtop'],
  ['an option of a command', 'kvm-vtop phys --bi', '--binary', '--json'],
  ['an option of the main command', 'kvm-vtop --ty', '--types', '--binary'],
  ["an option's words", 'kvm-vtop phys --input-format r', 'raw', 'phys'],
  ["an option's file", 'kvm-vtop -c vmcor', 'vmcore.kdump', 'phys'],
  ['an argument', 'kvm-vtop completion z', 'zsh', 'bash'],
  ['a command after help', 'kvm-vtop help lay', 'layout', 'phys'],
  ['a command after --', 'kvm-vtop excerpt -c a -o b -- sl', 'slots', 'layout'],
  ['a command after each --', 'kvm-vtop excerpt -c a -- vms -- ph', 'phys', 'vms'],
  ['an option of a command after --', 'kvm-vtop excerpt -c a -o b -- phys --bi', '--binary', '--style'],
  ['an option of the main command after --', 'kvm-vtop excerpt -c a -o b -- -g 1 --sty', '--style', '--binary'],
];
/** fish completes the value after = together with the option. */
const EQUALS: readonly (readonly [string, string, string])[] = [
  ['bash', 'kvm-vtop --style=cr', 'crash'],
  ['bash', 'kvm-vtop excerpt -c a -- vtop --style=', '2012'],
  ['zsh', 'kvm-vtop --style=cr', '--style=crash'],
  ['fish', 'kvm-vtop --style=cr', '--style=crash'],
];

describe.each([
  ['bash', test, inBash],
  ['fish', needing(fish).test, inFish],
  ['zsh', needing(zsh).test, inZsh],
] as const)('%s completes', (name, where, ask) => {
  where.each(CASES)('%s', (_what, typed, wanted, unwanted) => {
    const offered = ask(typed);
    expect(offered).toContain(wanted);
    expect(offered).not.toContain(unwanted);
  });

  where('what a command after -- must not be given', () => {
    const offered = ask('kvm-vtop excerpt -c a -o b -- vms --vm');
    expect(offered).toContain('--vm');
    expect(offered).not.toContain('--vmlinux');
    expect(offered).not.toContain('--vmcoreinfo');
  });

  for (const [shellOf, typed, wanted] of EQUALS)
    if (shellOf === name)
      where(`a value after =: ${typed}`, () => {
        expect(ask(typed)).toContain(wanted);
      });
});

test('bash completes a value after = without = in COMP_WORDBREAKS', () => {
  const code = 'source "$1"; COMP_WORDS=(kvm-vtop --style=cr); COMP_CWORD=1; _kvm_vtop; echo $COMPREPLY';
  expect(shell('bash', ['-c', code, 'bash', script('bash')])).toBe('--style=crash\n');
});

needing(mandoc).test('mandoc reports no error in the man page', () => {
  const page = join(ROOT, 'dist', 'kvm-vtop.1');
  const { stdout } = spawnSync('mandoc', ['-Tlint', page], { encoding: 'utf8' });
  // Which other manual pages exist depends on the machine. The section of the command page is not a misspelled NAME.
  const known = /referenced manual not found|Sh PAGE instead of NAME/;
  expect(stdout.split('\n').filter((line) => line !== '' && !known.test(line))).toEqual([]);
  expect(spawnSync('mandoc', ['-Tascii', page], { encoding: 'utf8' }).stdout).toMatch(/kvm-vtop phys/);
});
