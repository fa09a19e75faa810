// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../../core/errors.js';
import type { TypeSource } from '../../types/source.js';
import { arraySlots } from './array.js';
import type { SlotReader } from './reader.js';
import { treeSlots } from './tree.js';

const readers: readonly SlotReader[] = [treeSlots, arraySlots];

/** The reader for the memslots of a kernel with these types. Throws `DumpError` if their form is not supported. */
export function slotReader(types: TypeSource): SlotReader {
  const reader = readers.find((known) => known.recognise(types));
  if (reader === undefined)
    throw new DumpError(`this form of struct kvm_memslots is not supported (types from ${types.source})`, {
      code: 'unsupported',
    });
  return reader;
}
