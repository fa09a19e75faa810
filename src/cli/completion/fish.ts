// SPDX-License-Identifier: Apache-2.0
import type { TypedCommand, TypedOption } from './words.js';

/** The completion script for fish (complete -c). */
export function fish(commands: readonly TypedCommand[]): string {
  const names = commands.map(({ name }) => name).filter((name) => name !== '');
  const seen = `__fish_seen_subcommand_from ${names.join(' ')}`;
  const lines = commands.flatMap((command) =>
    command.name === ''
      ? linesOf(command, `not ${seen}`)
      : [
          `complete -c kvm-vtop -n __fish_is_first_token -a ${command.name} -d ${quoted(command.summary)}`,
          ...linesOf(command, `__fish_seen_subcommand_from ${command.name}`),
        ],
  );
  return `# fish completion of kvm-vtop\ncomplete -c kvm-vtop -f\n${lines.join('\n')}\n`;
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
