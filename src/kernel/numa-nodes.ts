// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../core/errors.js';
import { readOf } from '../core/memory.js';
import { wordsOf } from '../core/words.js';
import { resolve } from '../types/fields.js';
import { ifAnswered, type Member } from '../types/source.js';
import type { Host } from './host.js';
import { nodeFields, nodeIdFields, nodeSpanFields } from './structs.js';

/** Most nodes: 2^NODES_SHIFT (include/linux/numa.h). */
const MOST_NODES = 1024;

/** Memory of all nodes in bytes (pglist_data.node_present_pages). Throws `DumpError` if it can't be read. */
export function memorySize(host: Host): bigint {
  const { node } = resolve(host.types, { node: nodeFields });
  let pages = 0n;
  for (const { address } of nodeAddresses(host)) pages += memberOf(host, address, node.present);
  return pages * 4096n;
}

/** The frames that a NUMA node spans. Some of them may be holes, or belong to another node. */
export interface NodeSpan {
  readonly node: number;
  readonly first: number;
  /** The frame after the last one. */
  readonly end: number;
}

/** The spans of the nodes that have memory, by node. Throws `DumpError` if they can't be read or are impossible. */
export function nodeSpans(host: Host): NodeSpan[] {
  const { span } = resolve(host.types, { span: nodeSpanFields });
  // Layout profiles that were written before it was read do not record it.
  const own = ifAnswered(() => resolve(host.types, { node: nodeIdFields }));
  const spans: NodeSpan[] = [];
  for (const { node, address } of nodeAddresses(host)) {
    const id = own === null ? node : readOf(host.memory, address + BigInt(own.node.id.offset), 4, 'pglist_data').i32(0);
    if (id !== node) throw new DumpError(`pglist_data of node ${node} says that it is node ${id}`);
    const [first, pages] = [memberOf(host, address, span.start), memberOf(host, address, span.spanned)];
    if (first + pages >= 1n << 40n)
      throw new DumpError(
        `pglist_data of node ${node} spans 0x${pages.toString(16)} pages from 0x${first.toString(16)}`,
      );
    if (pages > 0n) spans.push({ node, first: Number(first), end: Number(first + pages) });
  }
  return spans;
}

/** A member of a pglist_data. The structure spans many pages: only that of the member is needed. */
const memberOf = ({ memory }: Host, address: bigint, { offset }: Member): bigint =>
  readOf(memory, address + BigInt(offset), 8, 'pglist_data').u64(0);

/** The largest number of nodes of this kernel (MAX_NUMNODES), if the dump has it. */
export const mostNodes = ({ info }: Host): number | null => info.length('node_data');

/** The pglist_data of each node. Without CONFIG_NUMA it is contig_page_data (mm/memblock.c). */
export function* nodeAddresses(host: Host): Generator<{ node: number; address: bigint }> {
  const { info, symbols, memory } = host;
  const table = info.symbol('node_data') ?? symbols.get('node_data');
  if (table === undefined) {
    const only = info.symbol('contig_page_data') ?? symbols.get('contig_page_data');
    if (only === undefined) throw new DumpError("the kernel's symbols lack node_data", { code: 'no-symbols' });
    yield { node: 0, address: only };
    return;
  }
  const count = Math.min(mostNodes(host) ?? 1, MOST_NODES);
  const pointers = readOf(memory, table, count * 8, 'node_data');
  const halves = wordsOf(pointers.view);
  for (let node = 0; node < count; node++)
    if (((halves[node * 2] as number) | (halves[node * 2 + 1] as number)) !== 0)
      yield { node, address: pointers.u64(node * 8) };
}
