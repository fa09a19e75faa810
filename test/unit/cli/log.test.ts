// SPDX-License-Identifier: Apache-2.0
// What is told on standard error while the program works.
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { StderrLog } from '../../../src/cli/log.js';

describe('on a terminal', () => {
  let now = 0;
  let told = '';
  const terminal = process.stderr.isTTY;
  beforeEach(() => {
    now = 1000;
    told = '';
    process.stderr.isTTY = true;
    jest.spyOn(performance, 'now').mockImplementation(() => now);
    jest.spyOn(process.stderr, 'write').mockImplementation((text) => {
      told += String(text);
      return true;
    });
  });
  afterEach(() => {
    process.stderr.isTTY = terminal;
    jest.restoreAllMocks();
  });

  /** A step that takes so many milliseconds, a tick each. */
  const work = (log: StderrLog, milliseconds: number): void => {
    log.step('types', () => {
      for (let i = 0; i < milliseconds; i++) {
        now++;
        log.tick();
      }
    });
  };

  test('a step over a second is told, and the line is taken away again', () => {
    work(new StderrLog(false), 2600);
    expect(told).toBe('\r\x1b[Ktypes … 1 s\r\x1b[Ktypes … 2 s\r\x1b[K');
  });

  test('a short one is not', () => {
    work(new StderrLog(false), 900);
    expect(told).toBe('');
  });

  test('a warning takes the line away first', () => {
    const log = new StderrLog(false);
    log.step('types', () => {
      now += 2000;
      for (let i = 0; i < 64; i++) log.tick();
      log.warn('odd');
    });
    expect(told).toBe('\r\x1b[Ktypes … 2 s\r\x1b[Kkvm-vtop: odd\n');
  });

  test('elsewhere nothing is told of steps', () => {
    process.stderr.isTTY = false;
    work(new StderrLog(false), 5000);
    expect(told).toBe('');
  });

  test('--verbose tells each step with its time, also one that fails', () => {
    const log = new StderrLog(true);
    expect(() =>
      log.step('types', () => {
        now += 12.34;
        throw new Error('no');
      }),
    ).toThrow('no');
    expect(told).toBe('types: 12.3 ms\n');
  });
});
