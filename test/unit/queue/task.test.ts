// SPDX-License-Identifier: Apache-2.0
// Jobs come from a server to which others may write: whatever they are, they are refused, or are what a worker accepts.
import { resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { UsageError } from '../../../src/core/errors.js';
import {
  type Allowed,
  idOf,
  jobName,
  pathsOf,
  Refusal,
  type Rules,
  type Task,
  taskOf,
} from '../../../src/queue/task.js';

const OPTIONS: Allowed = { '--vmlinux': 'path', '--input-format': ['raw', 'lime'] };
const OPENING: Allowed = { '--debug-dir': 'path', '--debuginfod': 'none', '--types': ['btf'] };
const COMMANDS = ['vms', 'slots'];
const rules: Rules = {
  version: '1.2',
  results: '/results',
  options: OPTIONS,
  opening: OPENING,
  checkRun([command]) {
    if (!COMMANDS.includes(command ?? '')) throw new UsageError('not a command');
  },
};

const TASK: Task = {
  version: '1.2',
  results: '/results',
  files: ['/dumps/a', '/dumps/b'],
  options: ['--vmlinux', '/dumps/vmlinux', '--input-format', 'raw'],
  runs: [['vms'], ['slots', '--json']],
  opening: ['--debuginfod', '--debug-dir', '/debug', '--types', 'btf'],
  addresses: '/dumps/addresses',
};

/** What a worker may do with a job that was accepted. */
function expectHarmless(task: Task): void {
  expect(Object.keys(task).sort()).toEqual(Object.keys(TASK).sort());
  expect([task.version, task.results]).toEqual(['1.2', '/results']);
  expect(task.files.length).toBeGreaterThan(0);
  for (const path of pathsOf(task, rules)) {
    expect(path).toBe(resolve('/', path));
    expect(path).not.toContain('\0');
  }
  for (const [command] of task.runs) expect(COMMANDS).toContain(command);
  // Every word that can be an option is one of these, and every other word is a value of it.
  for (const [words, allowed] of [
    [task.options, OPTIONS],
    [task.opening, OPENING],
  ] as const)
    for (let i = 0; i < words.length; i++) {
      const values = allowed[words[i] as string];
      expect(values).toBeDefined();
      if (values === 'none') continue;
      const value = words[++i] as string;
      expect(values === 'path' ? value.startsWith('/') : values?.includes(value)).toBe(true);
    }
}

function checkedOrRefused(data: unknown): void {
  let task: Task;
  try {
    task = taskOf(data, rules);
  } catch (error) {
    expect(error).toBeInstanceOf(Refusal);
    return;
  }
  expectHarmless(task);
}

describe('the data of a job', () => {
  test('a job of submit is accepted as it is', () => {
    expect(taskOf(JSON.parse(JSON.stringify(TASK)), rules)).toEqual(TASK);
    expect(pathsOf(TASK, rules)).toEqual(['/dumps/a', '/dumps/b', '/dumps/vmlinux', '/debug', '/dumps/addresses']);
  });

  test('any JSON is refused, or harmless', () => {
    fc.assert(fc.property(fc.jsonValue(), checkedOrRefused));
  });

  const words = fc.array(
    fc.oneof(
      fc.constantFrom(
        ...Object.keys(OPTIONS),
        ...Object.keys(OPENING),
        'raw',
        'btf',
        '/x',
        '/x/../y',
        '//x',
        'x',
        '-c',
        '--',
      ),
      fc.constantFrom('__proto__', 'constructor', 'toString', '', '/x\0', 'vms', 'slots', 'rm'),
      fc.string(),
    ),
    { maxLength: 6 },
  );
  const member = fc.oneof(words, fc.array(words, { maxLength: 3 }), fc.string(), fc.jsonValue());

  test('a job of submit with another member is refused, or harmless', () => {
    const names = fc.constantFrom(...Object.keys(TASK), '__proto__', 'constructor', 'opts');
    let accepted = 0;
    fc.assert(
      fc.property(names, member, (name, value) => {
        const data: unknown = JSON.parse(JSON.stringify({ ...TASK, [name]: value }));
        checkedOrRefused(data);
        try {
          taskOf(data, rules);
          accepted++;
        } catch {
          // Refused.
        }
      }),
      { numRuns: 5000 },
    );
    expect(accepted).toBeGreaterThan(50);
  });

  test('texts and lists that are too long are refused', () => {
    expect(() => taskOf({ ...TASK, files: [`/${'x'.repeat(5000)}`] }, rules)).toThrow(/files is not a list of paths/);
    expect(() => taskOf({ ...TASK, runs: Array(300).fill(['vms']) }, rules)).toThrow(/runs is not a list/);
  });
});

describe('the names of jobs', () => {
  test('a name has an id, or is refused', () => {
    const id = fc.array(fc.constantFrom(...'0 1 2 3 4 5 6 7 8 9 a b c d e f'.split(' ')), {
      minLength: 40,
      maxLength: 40,
    });
    fc.assert(
      fc.property(id, (digits) => {
        const name = jobName(digits.join(''));
        expect(idOf(name)).toBe(digits.join(''));
        // What BullMQ refuses.
        expect(name).not.toMatch(/^[0-9]+$|:/);
      }),
    );
    fc.assert(fc.property(fc.anything(), (name) => idOf(name) === null));
    for (const name of ['dump-', `dump-${'a'.repeat(41)}`, `dump-${'A'.repeat(40)}`, `dump-${'a'.repeat(40)}\n`])
      expect(idOf(name)).toBe(null);
  });
});
