// SPDX-License-Identifier: Apache-2.0
import { spellings, type TypedCommand, type TypedOption } from './words.js';

const namesOf = (commands: readonly TypedCommand[]): string[] =>
  commands.map(({ name }) => name).filter((name) => name !== '');

/** The completion script for fish (complete -c). */
export function fish(commands: readonly TypedCommand[]): string {
  const names = namesOf(commands);
  const seen = `__fish_seen_subcommand_from ${names.join(' ')}`;
  const lines = commands.flatMap((command) =>
    command.name === ''
      ? linesOf(command, `not ${seen}`)
      : [
          `complete -c kvm-vtop -n __fish_is_first_token -a ${command.name} -d ${quoted(command.summary)}`,
          ...linesOf(command, `__fish_seen_subcommand_from ${command.name}`),
        ],
  );
  const after = commands.flatMap(followingOf);
  return `# fish completion of kvm-vtop\ncomplete -c kvm-vtop -f\n${[...lines, ...after].join('\n')}\n`;
}

/**
 * Completes the commands that follow `--`. After it, fish takes all words for arguments, so options are completed as words,
 * and their values are not.
 */
function followingOf({ name, following }: TypedCommand): string[] {
  if (following.length === 0) return [];
  const head = (part: string): string => `complete -c kvm-vtop -n ${quoted(`__kvm_vtop_after_dashes ${part}`)}`;
  const names = namesOf(following);
  return [
    `# Succeeds in the words of ${name} after the last --: with 'first' before the first of them, else if that is the given word,
# with 'other' if it is no command.
function __kvm_vtop_after_dashes
    set -l words (commandline -opc)
    test "$words[2]" = ${name}; or return 1
    set -l at (contains -i -- -- $words[-1..1]); or return 1
    if test $at -eq 1
        test $argv[1] = first
    else if contains -- $words[(math 1 - $at)] ${names.join(' ')}
        test $argv[1] = $words[(math 1 - $at)]
    else
        test $argv[1] = other
    end
end`,
    ...following.flatMap(({ name: each, options }) => {
      const typed = options.flatMap((option) =>
        spellings(option).map((spelling) => `-a ${spelling} -d ${quoted(option.summary)}`),
      );
      if (each !== '') return typed.map((option) => `${head(each)} ${option}`);
      const summaries = following.filter((command) => command.name !== '');
      return [
        ...summaries.map((command) => `${head('first')} -a ${command.name} -d ${quoted(command.summary)}`),
        ...['first', 'other'].flatMap((part) => typed.map((option) => `${head(part)} ${option}`)),
      ];
    }),
  ];
}

function linesOf({ options, words }: TypedCommand, condition: string): string[] {
  const head = `complete -c kvm-vtop -n ${quoted(condition)}`;
  const known = words.length === 0 ? [] : [`${head} -a ${quoted(words.join(' '))}`];
  return [...known, ...options.map((option) => `${head} ${optionOf(option)}`)];
}

function optionOf({ long, short, summary, takesValue, values }: TypedOption): string {
  const names = `${short === null ? '' : `-s ${short.slice(1)} `}-l ${long.slice(2)} -d ${quoted(summary)}`;
  if (!takesValue) return names;
  if (values === 'file') return `${names} -r -F`;
  if (values === 'folder') return `${names} -x -a '(__fish_complete_directories)'`;
  return values === null ? `${names} -x` : `${names} -x -a ${quoted(values.join(' '))}`;
}

const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
