// SPDX-License-Identifier: Apache-2.0
// Messages on standard error while the program works.
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { StderrLog } from '../../../src/cli/log.js';

describe('on a terminal', () => {
  let now = 0;
  let shown = '';
  const terminal = process.stderr.isTTY;
  beforeEach(() => {
    now = 1000;
    shown = '';
    process.stderr.isTTY = true;
    jest.spyOn(process, 'hrtime').mockImplementation(() => [Math.floor(now / 1000), (now % 1000) * 1e6]);
    jest.spyOn(process.stderr, 'write').mockImplementation((text) => {
      shown += String(text);
      return true;
    });
  });
  afterEach(() => {
    process.stderr.isTTY = terminal;
    jest.restoreAllMocks();
  });

  /** A step that takes this many milliseconds, with a tick for each. */
  const work = (log: StderrLog, milliseconds: number): void => {
    log.step('types', () => {
      for (let i = 0; i < milliseconds; i++) {
        now++;
        log.tick();
      }
    });
  };

  test('a step of more than a second is shown, and its line is erased afterwards', () => {
    work(new StderrLog({ verbose: false, quiet: false }), 2600);
    expect(shown).toBe('\r\x1b[Ktypes … 1 s\r\x1b[Ktypes … 2 s\r\x1b[K');
  });

  test('the part that is done is shown if it is known', () => {
    const log = new StderrLog({ verbose: false, quiet: false });
    log.step('answers', () => {
      for (let i = 0; i < 2600; i++) {
        now++;
        log.tick(i / 2600);
      }
    });
    expect(shown).toBe('\r\x1b[Kanswers … 39 %, 1 s\r\x1b[Kanswers … 78 %, 2 s\r\x1b[K');
  });

  test('--quiet leaves only warnings', () => {
    const log = new StderrLog({ verbose: false, quiet: true });
    work(log, 2600);
    log.note('totals');
    log.warn('odd');
    expect(shown).toBe('kvm-vtop: odd\n');
  });

  test('a note has a line for each of its lines, without control characters', () => {
    new StderrLog({ verbose: false, quiet: false }).note('a\n  b\x1b[2J');
    expect(shown).toBe('a\n  b\\x1b[2J\n');
  });

  test('a short step is not shown', () => {
    work(new StderrLog({ verbose: false, quiet: false }), 900);
    expect(shown).toBe('');
  });

  test('a warning erases the line first', () => {
    const log = new StderrLog({ verbose: false, quiet: false });
    log.step('types', () => {
      now += 2000;
      for (let i = 0; i < 64; i++) log.tick();
      log.warn('odd');
    });
    expect(shown).toBe('\r\x1b[Ktypes … 2 s\r\x1b[Kkvm-vtop: odd\n');
  });

  test('no steps are shown if standard error is not a terminal', () => {
    process.stderr.isTTY = false;
    work(new StderrLog({ verbose: false, quiet: false }), 5000);
    expect(shown).toBe('');
  });

  test('--verbose reports each step with its time, also one that fails', () => {
    const log = new StderrLog({ verbose: true, quiet: false });
    expect(() =>
      log.step('types', () => {
        now += 12.34;
        throw new Error('no');
      }),
    ).toThrow('no');
    expect(shown).toBe('types: 12.3 ms\n');
  });
});
