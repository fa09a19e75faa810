// SPDX-License-Identifier: Apache-2.0
// Where the members of a record of 3.5 to 5.9 are: from VMCOREINFO, which exists for that purpose, or else from types.
import type { VmCoreInfo } from '../../notes/vmcoreinfo.js';
import { resolveIfPresent } from '../../types/fields.js';
import { ifAnswered, type TypeSource } from '../../types/source.js';
import { logFields, printkLogFields } from './structs.js';

/**
 * Offsets in bytes in struct printk_log (or log). After `dictLength` follow a byte with the facility, and one with flags and level; or, in the first of
 * these kernels, two with level and facility.
 */
export interface RecordLayout {
  readonly bytes: number;
  readonly time: number;
  readonly length: number;
  readonly textLength: number;
  readonly dictLength: number;
  readonly hasFlags: boolean;
}

/** Layout of a record of the buffer of 3.5 to 5.9; null if neither source has it, because the buffer is a plain text. */
export function recordLayout(info: VmCoreInfo, types: TypeSource): RecordLayout | null {
  for (const struct of ['printk_log', 'log']) {
    const bytes = info.size(struct);
    const [time, length, textLength, dictLength] = ['ts_nsec', 'len', 'text_len', 'dict_len'].map((name) =>
      info.offset(`${struct}.${name}`),
    );
    if (bytes !== null && time != null && length != null && textLength != null && dictLength != null)
      // Kernels that say this in VMCOREINFO have flags.
      return { bytes, time, length, textLength, dictLength, hasFlags: true };
  }
  const view = ifAnswered(() => resolveIfPresent(types, printkLogFields) ?? resolveIfPresent(types, logFields));
  if (view === null) return null;
  const { bytes, time, length, textLength, dictLength, facility } = view;
  return {
    bytes,
    time: time.offset,
    length: length.offset,
    textLength: textLength.offset,
    dictLength: dictLength.offset,
    hasFlags: facility !== null,
  };
}
