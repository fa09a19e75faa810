// SPDX-License-Identifier: Apache-2.0
// Problems of rows, which text and CSV report on standard error.
import { describe, expect, test } from '@jest/globals';
import { warning } from '../../../src/commands/problems.js';
import { silentLog } from '../../../src/core/log.js';
import { columns } from '../../../src/report/columns.js';
import { recordKind } from '../../../src/report/records.js';
import { list, text } from '../../../src/report/types.js';

interface Row {
  readonly problems: readonly string[];
}
const kind = recordKind<Row>('row', 'A row.', columns<Row>({ problems: [list(text), 'Problems.'] }));

function logged(rows: readonly (readonly string[])[]): string[] {
  const texts: string[] = [];
  const log = { ...silentLog, warn: (message: string) => texts.push(message) };
  const writer = warning({ row: () => 'row\n' }, kind, log);
  for (const problems of rows) expect(writer.row({ problems })).toBe('row\n');
  writer.end?.();
  return texts;
}
const others = (count: number) => expect.stringMatching(new RegExp(`^${count} similar messages? (is|are) not shown; `));

describe('problems of rows', () => {
  test('a problem of several rows is logged once', () => {
    expect(logged([['module: gone'], ['module: gone', 'slots: missing'], []])).toEqual([
      'module: gone',
      'slots: missing',
    ]);
  });

  test('of problems that differ only in numbers the first is logged, and the number of the others', () => {
    const problems = [
      'slot at 0x1000: gone',
      'slot at 0x2000: gone',
      'slot at 0x2000: gone',
      'pid 7: gone',
      'pid 12: gone',
    ];
    expect(logged(problems.map((problem) => [problem]))).toEqual(['slot at 0x1000: gone', 'pid 7: gone', others(2)]);
  });

  test('a writer that shows them is left alone', () => {
    const writer = { row: () => 'row\n', showsProblems: true };
    expect(warning(writer, kind, silentLog)).toBe(writer);
  });

  test('thousands of different problems are few messages', () => {
    const names = Array.from({ length: 5000 }, (_, i) => `file ${'x'.repeat(i % 100)}${i}y`);
    const texts = logged(names.map((name) => [name]));
    expect(texts).toEqual([...names.slice(0, 20), others(4980)]);
  });
});
