// SPDX-License-Identifier: Apache-2.0
// Where a page that KSM merged is mapped (mm/ksm.c, rmap_walk_ksm).
import { DumpError } from '../core/errors.js';
import { LazyBytes } from '../core/lazy-bytes.js';
import { hlistNodes } from '../kernel/containers/hlist.js';
import type { Host } from '../kernel/host.js';
import { resolveIfPresent } from '../types/fields.js';
import { oldRmapItemFields, oldStableNodeFields, rmapItemFields, stableNodeFields } from './structs.js';

/** Most mappings of a merged page; the kernel splits chains at ksm_max_page_sharing, 256 by default. */
const MOST = 2 ** 24;

/** One place of a merged page: a virtual address, and the anon_vma in whose mappings it is. */
export interface KsmItem {
  readonly address: bigint;
  readonly anonVma: bigint;
}

/** The places of the page with this stable node. Throws `DumpError` if they can't be read. */
export function* ksmItems({ memory, types }: Host, stableNode: bigint): Generator<KsmItem> {
  const node = resolveIfPresent(types, stableNodeFields) ?? resolveIfPresent(types, oldStableNodeFields);
  const item = resolveIfPresent(types, rmapItemFields) ?? resolveIfPresent(types, oldRmapItemFields);
  if (node === null || item === null)
    throw new DumpError('no source of types describes the structures of KSM', { code: 'no-types' });
  const head = stableNode + BigInt(node.items.offset);
  for (const link of hlistNodes(memory, head, MOST, 'stable node of KSM')) {
    const bytes = LazyBytes.of(memory, link - BigInt(item.link.offset), item.bytes, 'rmap_item of KSM');
    // Bits below the page are flags.
    yield { address: bytes.u64(item.address.offset) & ~0xfffn, anonVma: bytes.u64(item.anonVma.offset) & ~7n };
  }
}
