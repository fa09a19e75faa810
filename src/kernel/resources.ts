// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../core/errors.js';
import { readOf } from '../core/memory.js';
import { resolve } from '../types/fields.js';
import type { Host } from './host.js';
import { resourceFields } from './structs.js';

/** A range of physical addresses and who uses it, as /proc/iomem names it. */
export interface Resource {
  readonly name: string;
  readonly start: bigint;
  /** The last address. */
  readonly end: bigint;
  /** Whether it is memory, or a part of it that the kernel uses (IORESOURCE_SYSTEM_RAM, include/linux/ioport.h). */
  readonly isMemory: boolean;
}

/** Most resources beside each other, and most levels. A large machine has some thousands in all. */
const MOST = 2 ** 16;
const DEEPEST = 32;
const SYSTEM_RAM = 0x0100_0000n;
/** Most bytes of a name that are read. The kernel has no limit; those of devices are short. */
const LONGEST_NAME = 64;

/**
 * The innermost resource that contains a physical address (kernel/resource.c, iomem_resource); null if there is none. Throws
 * `DumpError` if the resources can't be read, or if one is not inside the one above it.
 */
export function resourceAt(host: Host, address: bigint): Resource | null {
  const root = host.symbols.get('iomem_resource');
  if (root === undefined) throw new DumpError('the kernel has no symbol iomem_resource', { code: 'no-symbols' });
  const read = reader(host);
  let above = read(root);
  let found: Resource | null = null;
  for (let level = 0; level < DEEPEST; level++) {
    const child = childAt(read, above, address);
    if (child === null) return found;
    found = { name: child.name(), start: child.start, end: child.end, isMemory: (child.flags & SYSTEM_RAM) !== 0n };
    above = child;
  }
  throw new DumpError(`iomem_resource: more than ${DEEPEST} levels at 0x${address.toString(16)}`);
}

type Node = ReturnType<ReturnType<typeof reader>>;

function reader(host: Host) {
  const { memory, types } = host;
  const { resource: at } = resolve(types, { resource: resourceFields });
  return (address: bigint) => {
    const bytes = readOf(memory, address, at.bytes, 'struct resource');
    return {
      bytes,
      start: bytes.u64(at.start.offset),
      end: bytes.u64(at.end.offset),
      flags: bytes.u64(at.flags.offset),
      child: bytes.u64(at.child.offset),
      sibling: bytes.u64(at.sibling.offset),
      name(): string {
        const name = bytes.u64(at.name.offset);
        return name === 0n ? '' : readOf(memory, name, LONGEST_NAME, 'name of a resource').text();
      },
    };
  };
}

/** The child of a resource that contains an address. Children ascend and do not overlap. */
function childAt(read: (address: bigint) => Node, above: Node, address: bigint): Node | null {
  let next = above.child;
  let last = above.start - 1n;
  for (let seen = 0; next !== 0n; seen++) {
    const node = read(next);
    if (seen === MOST || node.start <= last || node.end < node.start || node.end > above.end)
      throw node.bytes.error(0, 'a resource is not in its place');
    if (node.start > address) return null;
    if (node.end >= address) return node;
    last = node.end;
    next = node.sibling;
  }
  return null;
}
