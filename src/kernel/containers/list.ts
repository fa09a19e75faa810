// SPDX-License-Identifier: Apache-2.0
import { DumpError, orNull } from '../../core/errors.js';
import { type Memory, readOf } from '../../core/memory.js';

// opening/module-build.ts takes it from here.

/** A list_head: where it leads, and what leads to it. */
function linkAt(memory: Memory, address: bigint, what: string): { next: bigint; prev: bigint } {
  const bytes = readOf(memory, address, 16, what);
  return { next: bytes.u64(0), prev: bytes.u64(8) };
}

/**
 * The links of a circular list (include/linux/list.h), the head itself left out. A list that does not come back to its
 * head within `most` steps, turns back on itself, or whose member does not point back at the one before it, is a
 * `DumpError`. (Pointing back at the one before that, or at one that is linked only that way, is a member just being put
 * in, taken out or replaced: __list_add, __list_del, list_replace_rcu.)
 */
export function* listLinks(memory: Memory, head: bigint, most: number, what: string): Generator<bigint> {
  const bad = (problem: string): DumpError =>
    new DumpError(`${what}: the list at 0x${head.toString(16)} ${problem}`, { hint: 'the dump is damaged there' });
  let [older, before] = [head, head];
  let { next: link } = linkAt(memory, head, what);
  let mark = link;
  for (let step = 0; ; step++) {
    const { next, prev } = linkAt(memory, link, what);
    if (prev !== before && prev !== older && !isOnItsWay(memory, prev, link, [before, older], what))
      throw bad(`has a member at 0x${link.toString(16)} that does not point back at 0x${before.toString(16)}`);
    if (link === head) return;
    if (step >= most) throw bad(`has more than ${most} members`);
    yield link;
    [older, before, link] = [before, link, next];
    if (link === mark && link !== head) throw bad(`runs in a circle at 0x${link.toString(16)}`);
    // Brent's rule: a loop that leaves the head out is met within twice its length.
    if ((step & (step + 1)) === 0) mark = link;
  }
}

/** Whether a member that the list does not lead to has this one behind it and the one before it in front. */
function isOnItsWay(memory: Memory, member: bigint, behind: bigint, before: readonly bigint[], what: string): boolean {
  const link = orNull(() => linkAt(memory, member, what));
  return link !== null && link.next === behind && before.includes(link.prev);
}

/**
 * The same; where a member can't be read, those that can be reached from the list's other end come too, before the
 * `DumpError` that says what is missing.
 */
export function* listFromBothEnds(memory: Memory, head: bigint, most: number, what: string): Generator<bigint> {
  const seen = new Set<bigint>([head]);
  try {
    for (const link of listLinks(memory, head, most, what)) {
      seen.add(link);
      yield link;
    }
  } catch (error) {
    if (!(error instanceof DumpError)) throw error;
    yield* backwards(memory, head, most, what, seen);
    throw error;
  }
}

function* backwards(memory: Memory, head: bigint, most: number, what: string, seen: Set<bigint>): Generator<bigint> {
  try {
    let { prev: link } = linkAt(memory, head, what);
    for (let step = 0; step < most && !seen.has(link); step++) {
      const { prev } = linkAt(memory, link, what);
      seen.add(link);
      yield link;
      link = prev;
    }
  } catch (error) {
    if (!(error instanceof DumpError)) throw error;
  }
}
