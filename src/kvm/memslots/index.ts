// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../../core/errors.js';
import type { TypeSource } from '../../types/source.js';
import { arraySlots } from './array.js';
import type { SlotReader } from './reader.js';
import { treeSlots } from './tree.js';

const readers: readonly SlotReader[] = [treeSlots, arraySlots];

/** The reader for this kernel's form of memslots. */
export function slotReader(types: TypeSource): SlotReader {
  const reader = readers.find((known) => known.recognise(types));
  if (reader === undefined)
    throw new DumpError(`struct kvm_memslots has a form that is not known (types: ${types.source})`, {
      code: 'unsupported',
    });
  return reader;
}
