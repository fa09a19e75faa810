// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../core/errors.js';
import { readOf } from '../core/memory.js';
import { resolve } from '../types/fields.js';
import type { Host } from './host.js';
import { nodeFields } from './structs.js';

/** Most nodes: 2^NODES_SHIFT (include/linux/numa.h). */
const MOST_NODES = 1024;

/** Memory of all nodes in bytes (pglist_data.node_present_pages). Throws `DumpError` if it can't be read. */
export function memorySize({ info, symbols, memory, types }: Host): bigint {
  const table = info.symbol('node_data') ?? symbols.get('node_data');
  if (table === undefined) throw new DumpError("the kernel's symbols lack node_data", { code: 'no-symbols' });
  const { node } = resolve(types, { node: nodeFields });
  const count = Math.min(info.length('node_data') ?? 1, MOST_NODES);
  const pointers = readOf(memory, table, count * 8, 'node_data');
  let pages = 0n;
  for (let i = 0; i < count; i++) {
    const address = pointers.u64(i * 8);
    if (address !== 0n) pages += readOf(memory, address + BigInt(node.present.offset), 8, 'pglist_data').u64(0);
  }
  return pages * 4096n;
}
