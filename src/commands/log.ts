// SPDX-License-Identifier: Apache-2.0
import { printable } from '../core/text.js';
import { logMessages } from '../kernel/printk/log.js';
import type { LogMessage } from '../kernel/printk/message.js';
import { columns } from '../report/columns.js';
import { type RowWriter, recordKind } from '../report/records.js';
import { count, list, nullable, oneOf, seconds, text, flag as yesNo } from '../report/types.js';
import { command } from './command.js';
import { flag } from './options.js';
import { LogStart } from './panic.js';

/** A message of a kernel's log. */
export interface LogRow extends Omit<LogMessage, 'time' | 'level'> {
  /** Seconds since the start of the kernel; null if it is not recorded. */
  readonly time: number | null;
  /** Null if it is not recorded. */
  readonly level: Level | null;
  /** Why the text is not known. */
  readonly problems: readonly string[];
}

/** Levels in the order of their numbers (include/linux/kern_levels.h), with dmesg's names. */
export const LEVELS = ['emerg', 'alert', 'crit', 'err', 'warn', 'notice', 'info', 'debug'] as const;
export type Level = (typeof LEVELS)[number];

const messages = recordKind<LogRow>(
  'message',
  "A message of the kernel's log.",
  columns<LogRow>({
    seq: [nullable(count()), 'Its number since the start of the kernel; null in kernels that do not count messages.'],
    time: [nullable(seconds), 'Seconds since the start of the kernel; null if it was not recorded.'],
    level: [nullable(oneOf(...LEVELS)), 'Its level; null if it was not recorded.'],
    facility: [
      nullable(count()),
      'Its facility: 0 for the kernel, another number for a process that wrote to /dev/kmsg; null if it was not recorded.',
    ],
    thread: [nullable(count()), 'ID of the thread that it is from; null if it was not recorded.'],
    cpu: [nullable(count()), 'Processor that it is from, if not from a thread; null if it was not recorded.'],
    subsystem: [nullable(text), 'The subsystem of the device that it is about; null if there is none.'],
    device: [nullable(text), 'The device that it is about, as in dev_printk; null if there is none.'],
    text: [nullable(text), 'The text, which can have several lines; null if it is not in the dump.'],
    continues: [yesNo, 'Whether it continues the line of the message before it.'],
    problems: [list(text), 'Why the text is not known.'],
  }),
);

/** Prints the kernel's log. */
export const log = command({
  name: 'log',
  summary: "print the kernel's log",
  description:
    "Prints the messages of the kernel's log (dmesg), of the host or of a guest. No debug information is needed.",
  needs: 'log',
  args: null,
  options: { panic: flag('print only what the kernel wrote when it crashed: from the first message about it on') },
  records: [messages],
  csv: true,
  notes: [
    'The text is that of dmesg: seconds since the start of the kernel, and the message. Older messages may have been overwritten: the first number (seq) says how many.',
  ],
  examples: [
    { line: 'log -c vmcore | tail' },
    { line: 'log -c vmcore --panic' },
    { line: 'log -c vmcore -g alpha', note: 'the log of a guest, from its memory' },
  ],
  exit: {
    0: 'all messages were printed',
    1: 'some messages are not in the dump; or with --panic: there is no message about a crash',
    2: 'the log was not found',
  },

  *run({ host, options: { panic }, log: out }) {
    const problems = new Set<string>();
    const all = logMessages(host, (why) => problems.size <= MOST_PROBLEMS && problems.add(why));
    const start = panic ? new LogStart() : null;
    let [isWhole, isEmpty] = [true, true];
    for (const message of start === null ? all : start.from(all)) {
      isEmpty = false;
      if (message.text === null) isWhole = false;
      yield rowOf(message);
    }
    const shown = [...problems].slice(0, MOST_PROBLEMS);
    for (const why of shown) out.warn(`messages may be missing: ${why}`);
    if (problems.size > shown.length) out.warn('messages may be missing for other reasons, too');
    if (panic && isEmpty) out.warn('the log has no message about a crash');
    return problems.size === 0 && isWhole && !(panic && isEmpty) ? 0 : 1;
  },

  text: () => logText(),
});

function rowOf({ time, level, ...message }: LogMessage): LogRow {
  return {
    ...message,
    // Microseconds, as dmesg prints them: exact in a double for 285 years.
    time: time === null ? null : Number(time / 1000n) / 1e6,
    level: level === null ? null : (LEVELS[level] ?? null),
    problems: message.text === null ? ['the text has been overwritten, or is not in the dump'] : [],
  };
}

/** Each message begins a line, also one that continues another, as dmesg prints them. */
const logText = (): RowWriter<LogRow> => ({
  row({ time, text: body }) {
    const prefix = time === null ? '' : `[${time.toFixed(6).padStart(12)}] `;
    const lines = (body ?? '(its text is not in the dump)').split('\n');
    return lines.map((line) => `${prefix}${cleaned(line)}\n`).join('');
  },
});

/** A line that is safe to print; tabs are part of it. */
const cleaned = (line: string): string =>
  line
    .split('\t')
    .map((part) => printable(part, LONGEST_LINE))
    .join('\t');

/** Most reasons that are shown. */
const MOST_PROBLEMS = 20;

/** Texts of the log have at most 65,535 bytes. */
const LONGEST_LINE = 0x10000;
