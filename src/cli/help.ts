// SPDX-License-Identifier: Apache-2.0
import type { Command, Example } from '../commands/command.js';
import type { OptionSpec } from '../commands/options.js';
import { optionsOf } from './groups.js';
import { kebab } from './names.js';

/** Width of the paragraphs of help, in columns. */
const WIDTH = 80;

/** The end of a command's help, after its options: notes, examples, exit status. */
export function afterHelp(command: Command): string {
  const { notes, examples, exit } = command;
  const status = Object.entries(exit).map(
    ([code, meaning]) => `  ${code}  ${wrapped(meaning, WIDTH - 5).join('\n     ')}`,
  );
  const parts = [
    ...notes.map(paragraph),
    ...(examples.length === 0 ? [] : [exampleLines(examples)]),
    `Exit status:\n${status.join('\n')}`,
  ];
  return `\n${parts.join('\n\n')}`;
}

const paragraph = (text: string): string => wrapped(text, WIDTH).join('\n');

function exampleLines(examples: readonly Example[]): string {
  const lines = examples.map(({ line }) => `  kvm-vtop ${line}`);
  const noted = examples.flatMap(({ note }, i) => (note === undefined ? [] : [(lines[i] as string).length]));
  const width = Math.max(0, ...noted);
  const rows = examples.map(({ note }, i) =>
    note === undefined ? lines[i] : `${(lines[i] as string).padEnd(width)}  ${note}`,
  );
  return `Examples:\n${rows.join('\n')}`;
}

/** Breaks a paragraph into lines of at most `width` columns. */
export function wrapped(paragraph: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of paragraph.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

/** The usage line of a command. */
export const usageOf = (command: Command): string => `kvm-vtop ${command.name} ${usageWords(command)}`;

/** What follows the name of a command in its usage line. */
export function usageWords(command: Command): string {
  const { args, takesCommand } = command;
  const parts = [
    ...(hasOptions(command) ? ['[options]'] : []),
    ...(args === null
      ? []
      : [args.number === 'one' ? `<${args.name}>` : `[${args.name}${args.number === 'optional' ? '' : '...'}]`]),
    ...(takesCommand === true ? ['[-- command ...]...'] : []),
  ];
  return parts.join(' ');
}

/** Whether a command has options besides --help. */
export const hasOptions = (command: Command): boolean => Object.keys(optionsOf(command)).length > 0;

/** The meaning of an option, with its choices and its default. */
export function meaningOf({ summary, choices, excludes, value, default: start }: OptionSpec<unknown>): string {
  const hasDefault = value !== undefined && (typeof start === 'string' || typeof start === 'number');
  const parts = [
    ...(choices === undefined ? [] : [choices.join(', ')]),
    ...(hasDefault ? [`default: ${start}`] : []),
    ...(excludes === undefined || excludes.length === 0
      ? []
      : [`not with ${excludes.map((name) => `--${kebab(name)}`).join(', ')}`]),
  ];
  return parts.length === 0 ? summary : `${summary} (${parts.join('; ')})`;
}
