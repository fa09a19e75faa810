// SPDX-License-Identifier: Apache-2.0
// What a kernel's log says of its crash.
import type { LogMessage } from '../kernel/printk/message.js';

/** How the last message of a crash begins. */
const PANIC = 'Kernel panic - not syncing: ';
/** Messages about what led to it. */
const CAUSE =
  /^(?:sysrq: |SysRq : )Trigger a crash|^BUG: |^kernel BUG at |^Oops|^general protection fault|^double fault|^divide error|^invalid opcode|^int3: |^stack segment|^PANIC: |^mce: \[Hardware Error\]|^NMI: |^watchdog: BUG|^Unable to handle kernel|^unchecked MSR|^Internal error|^traps: PANIC/;
/** Messages of a cause that is followed by a panic within this number of messages are part of the crash. */
const NEAR = 400;
/** Most messages that are kept while it is not known whether a cause leads to a crash. */
const MOST = 100_000;

/**
 * The text of a message of the kernel; empty for others: a process can write what it likes to /dev/kmsg, but not with the
 * facility of the kernel (devkmsg_write in kernel/printk/printk.c).
 */
const textOf = ({ facility, text }: LogMessage): string => ((facility ?? 0) === 0 ? (text ?? '') : '');

/** Finds the part of a log that is about the crash. */
export class LogStart {
  /**
   * The messages from the first one about the crash on: from the cause that is followed by a panic, or else the last cause.
   */
  *from(messages: Iterable<LogMessage>): Generator<LogMessage> {
    let kept: LogMessage[] = [];
    let isPanic = false;
    let last = 0;
    for (const message of messages) {
      const text = textOf(message);
      const isEnd = text.startsWith(PANIC);
      const isAbout = isEnd || CAUSE.test(text);
      if (kept.length === 0 && !isAbout) continue;
      // A cause that no panic followed for long is about something else.
      if (isAbout && !isPanic && kept.length - last > NEAR) kept = [];
      if (isEnd) isPanic = true;
      if (kept.length < MOST) kept.push(message);
      if (isAbout) last = kept.length;
    }
    yield* kept;
  }
}

/** The message about a crash: that of the panic, or else the first one of its cause; null if there is none. */
export function panicIn(messages: Iterable<LogMessage>): string | null {
  let first: string | null = null;
  for (const message of new LogStart().from(messages)) {
    const [line = ''] = textOf(message).split('\n');
    if (line === '') continue;
    if (line.startsWith(PANIC)) return line;
    first ??= line;
  }
  return first;
}
