// SPDX-License-Identifier: Apache-2.0
// The list of dumps that are analysed.
import { UsageError } from '../core/errors.js';
import { printable } from '../core/text.js';

/** A dump: its files (several if it is split), and options that apply to it alone, as words of a command line. */
export interface Entry {
  readonly files: readonly string[];
  readonly options: readonly string[];
}

interface Word {
  readonly text: string;
  readonly line: number;
  /** Whether it is the first one of a line. */
  readonly isFirst: boolean;
}

/** A part of a list: blanks, a line break, an escaped character, a quoted text, or other characters. */
const TOKEN = /([ \t\r]+)|(\n)|\\([\s\S])|'([^']*)'|"((?:[^"\\]|\\[\s\S])*)"|([^\s'"\\]+)|([\s\S])/g;

/**
 * The dumps of a list, one for each line: files and options, separated by blanks. Quotes, backslashes and comments (#) are those
 * of a POSIX shell, so that a name can have any character. `valid`: the options that a line can have; each
 * takes a value. Throws `UsageError` that names the line.
 */
export function entriesOf(text: string, name: string, valid: readonly string[]): Entry[] {
  const entries: { files: string[]; options: string[] }[] = [];
  let option: Word | null = null;
  for (const word of wordsOf(text, name)) {
    const at = (problem: string): UsageError => new UsageError(`${name}, line ${word.line}: ${problem}`);
    if (option !== null && word.isFirst) throw missingValue(option, name);
    if (word.isFirst) entries.push({ files: [], options: [] });
    const entry = entries.at(-1) as (typeof entries)[number];
    if (option !== null) {
      entry.options.push(option.text, word.text);
      option = null;
    } else if (word.text.startsWith('--')) {
      if (!valid.includes(word.text))
        throw at(`'${printable(word.text)}' is not an option of a line; valid: ${valid.join(', ')}`);
      option = word;
    } else if (word.text === '') throw at('a file has an empty name');
    else entry.files.push(word.text);
  }
  if (option !== null) throw missingValue(option, name);
  if (entries.some(({ files }) => files.length === 0)) throw new UsageError(`${name}: a line has options, but no file`);
  return entries;
}

const missingValue = ({ text, line }: Word, name: string): UsageError =>
  new UsageError(`${name}, line ${line}: ${text} needs a value`);

/** The words of a command line, separated and quoted as in a shell. Throws `UsageError`. */
export const shellWords = (text: string, name: string): string[] => [...wordsOf(text, name)].map((word) => word.text);

function* wordsOf(text: string, name: string): Generator<Word> {
  let word: string | null = null;
  let [line, begun, isFirst] = [1, 1, true];
  const end = function* (): Generator<Word> {
    if (word !== null) {
      yield { text: word, line: begun, isFirst };
      isFirst = false;
    }
    word = null;
  };
  const token = new RegExp(TOKEN);
  for (let found = token.exec(text); found !== null; found = token.exec(text)) {
    const [whole, blank, feed, escaped, single, double, plain] = found;
    if (word === null && plain?.startsWith('#') === true) {
      // A comment ends before the line break.
      const next = text.indexOf('\n', found.index);
      token.lastIndex = next < 0 ? text.length : next;
      continue;
    }
    if (blank !== undefined || feed !== undefined) {
      yield* end();
      if (feed !== undefined) isFirst = true;
    } else {
      const piece = escaped ?? single ?? double?.replace(/\\([\\"$`])/g, '$1') ?? plain;
      if (piece === undefined) throw new UsageError(`${name}, line ${line}: a quote is not closed`);
      if (word === null) begun = line;
      // A line break after a backslash continues the line.
      word = `${word ?? ''}${escaped === '\n' ? '' : piece}`;
    }
    line += whole.split('\n').length - 1;
  }
  yield* end();
}

/** The dumps of a list of files that NUL bytes separate, as `find -print0` prints it: one file each. */
export const entriesOfNames = (text: string): Entry[] =>
  text
    .split('\0')
    .filter((name) => name !== '')
    .map((name) => ({ files: [name], options: [] }));

/** A part of a list: part `index` of `count`, from 1 on. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

/** The entries of a part: each entry is in exactly one. */
export const shardOf = <T>(entries: readonly T[], { index, count }: Shard): T[] =>
  entries.filter((_, i) => i % count === index - 1);
