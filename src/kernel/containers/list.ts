// SPDX-License-Identifier: Apache-2.0
import { DumpError, orNull } from '../../core/errors.js';
import { type Memory, readOf } from '../../core/memory.js';

/** The next and prev pointers of a list_head. */
function linkAt(memory: Memory, address: bigint, what: string): { next: bigint; prev: bigint } {
  const bytes = readOf(memory, address, 16, what);
  return { next: bytes.u64(0), prev: bytes.u64(8) };
}

/**
 * The members of a circular list (include/linux/list.h), as addresses of their list_head, without the head. Throws
 * `DumpError` if the list does not return to its head within `most` steps, if it is circular without the head, or if a
 * member does not point back to the previous one. (A member may point back to the one before that, or to one that is
 * linked in one direction only: then it was just being added, removed or replaced: __list_add, __list_del,
 * list_replace_rcu.)
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
      throw bad(`has a member at 0x${link.toString(16)} that does not point back to 0x${before.toString(16)}`);
    if (link === head) return;
    if (step >= most) throw bad(`has more than ${most} members`);
    yield link;
    [older, before, link] = [before, link, next];
    if (link === mark && link !== head) throw bad(`has a loop at 0x${link.toString(16)}`);
    // Brent's cycle detection: finds a circle without the head within twice its length.
    if ((step & (step + 1)) === 0) mark = link;
  }
}

/** Whether a member that next pointers do not reach is linked, by its own pointers, between `before` and `after`. */
function isOnItsWay(memory: Memory, member: bigint, after: bigint, before: readonly bigint[], what: string): boolean {
  const link = orNull(() => linkAt(memory, member, what));
  return link !== null && link.next === after && before.includes(link.prev);
}

/**
 * The members of a list as `listLinks` yields them; if one can't be read, also those that can be reached from the other
 * end of the list, before the `DumpError` is thrown.
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
