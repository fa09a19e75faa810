// SPDX-License-Identifier: Apache-2.0
import type { Command, Example } from '../commands/command.js';

/** Columns of help's paragraphs. */
const WIDTH = 80;

/** What follows a command's options in its help: notes, examples, exit status. */
export function afterHelp(command: Command): string {
  const { notes, examples, exit } = command;
  const status = Object.entries(exit).map(([code, meaning]) => `${code} ${meaning}`);
  const parts = [
    ...notes.map(paragraph),
    ...(examples.length === 0 ? [] : [exampleLines(examples)]),
    paragraph(`Exit status: ${status.join(', ')}.`),
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

/** A paragraph in lines of at most that many columns. */
export function wrapped(paragraph: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of paragraph.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

/** How a command is called. */
export function usageOf({ name, args, takesCommand }: Command): string {
  const word =
    args === null
      ? ''
      : args.number === 'one'
        ? ` <${args.name}>`
        : ` [${args.name}${args.number === 'optional' ? '' : '...'}]`;
  return `kvm-vtop ${name} [options]${word}${takesCommand === true ? ' [-- command ...]...' : ''}`;
}
