// SPDX-License-Identifier: Apache-2.0
// Where the parts of the ring of 5.10 and later are: from VMCOREINFO, which exists for that purpose, or else from types.
import { DumpError } from '../../core/errors.js';
import type { VmCoreInfo } from '../../notes/vmcoreinfo.js';
import { resolve } from '../../types/fields.js';
import type { TypeSource } from '../../types/source.js';
import { dataRingFields, descFields, descRingFields, infoFields, ringBufferFields } from './structs.js';

/** Offsets in bytes in struct printk_ringbuffer and what it points to. */
export interface RingLayout {
  readonly bytes: number;
  readonly countBits: number;
  readonly descs: number;
  readonly infos: number;
  readonly headId: number;
  readonly tailId: number;
  readonly sizeBits: number;
  readonly data: number;
  readonly desc: { readonly bytes: number; readonly state: number; readonly begin: number; readonly next: number };
  readonly info: InfoLayout;
}

export interface InfoLayout {
  readonly bytes: number;
  readonly seq: number;
  readonly time: number;
  /** Two bytes; that of the facility and that of flags and level follow. */
  readonly textLength: number;
  readonly caller: number;
  readonly subsystem: TextField;
  readonly device: TextField;
}

export interface TextField {
  readonly offset: number;
  readonly size: number;
}

/** Layout of the lockless ring. Throws `DumpError` if neither source has it. */
export function ringLayout(info: VmCoreInfo, types: TypeSource): RingLayout {
  return ringFromInfo(info) ?? ringFromTypes(types);
}

/** Members of structures by VMCOREINFO. Throws `Absent` for one that it lacks. */
class Recorded {
  constructor(readonly info: VmCoreInfo) {}

  offset(member: string): number {
    return this.#need(this.info.offset(member));
  }

  size(struct: string): number {
    return this.#need(this.info.size(struct));
  }

  length(array: string): number {
    return this.#need(this.info.length(array));
  }

  #need(value: number | null): number {
    if (value === null) throw new Absent();
    return value;
  }
}

class Absent extends Error {}

function ringFromInfo(info: VmCoreInfo): RingLayout | null {
  const of = new Recorded(info);
  try {
    const descRing = of.offset('printk_ringbuffer.desc_ring');
    const textRing = of.offset('printk_ringbuffer.text_data_ring');
    const block = of.offset('prb_desc.text_blk_lpos');
    return {
      bytes: of.size('printk_ringbuffer'),
      countBits: descRing + of.offset('prb_desc_ring.count_bits'),
      descs: descRing + of.offset('prb_desc_ring.descs'),
      infos: descRing + of.offset('prb_desc_ring.infos'),
      headId: descRing + of.offset('prb_desc_ring.head_id'),
      tailId: descRing + of.offset('prb_desc_ring.tail_id'),
      sizeBits: textRing + of.offset('prb_data_ring.size_bits'),
      data: textRing + of.offset('prb_data_ring.data'),
      desc: {
        bytes: of.size('prb_desc'),
        state: of.offset('prb_desc.state_var'),
        begin: block + of.offset('prb_data_blk_lpos.begin'),
        next: block + of.offset('prb_data_blk_lpos.next'),
      },
      info: infoFromInfo(of),
    };
  } catch (error) {
    if (error instanceof Absent) return null;
    throw error;
  }
}

function infoFromInfo(of: Recorded): InfoLayout {
  const device = of.offset('printk_info.dev_info');
  const text = (name: string): TextField => ({
    offset: device + of.offset(`dev_printk_info.${name}`),
    size: of.length(`printk_info_${name}`),
  });
  return apart({
    bytes: of.size('printk_info'),
    seq: of.offset('printk_info.seq'),
    time: of.offset('printk_info.ts_nsec'),
    textLength: of.offset('printk_info.text_len'),
    caller: of.offset('printk_info.caller_id'),
    subsystem: text('subsystem'),
    device: text('device'),
  });
}

/** The same layout. Throws `DumpError` if members overlap, or are not in the structure: the text of VMCOREINFO has no checksum. */
function apart(info: InfoLayout): InfoLayout {
  const { bytes, seq, time, textLength, caller, subsystem, device } = info;
  const members = [
    { offset: seq, size: 8 },
    { offset: time, size: 8 },
    { offset: textLength, size: 4 },
    { offset: caller, size: 4 },
    subsystem,
    device,
  ].sort((a, b) => a.offset - b.offset);
  let end = 0;
  for (const { offset, size } of members) {
    if (offset < end) throw new DumpError('VMCOREINFO: members of struct printk_info overlap', { code: 'damaged' });
    end = offset + size;
  }
  if (end > bytes)
    throw new DumpError('VMCOREINFO: struct printk_info is smaller than its members', { code: 'damaged' });
  return info;
}

function ringFromTypes(types: TypeSource): RingLayout {
  const { ring, descRing, desc, dataRing, info } = resolve(types, {
    ring: ringBufferFields,
    descRing: descRingFields,
    desc: descFields,
    dataRing: dataRingFields,
    info: infoFields,
  });
  const inDescs = ring.descRing.offset;
  const inData = ring.textRing.offset;
  return {
    bytes: ring.bytes,
    countBits: inDescs + descRing.countBits.offset,
    descs: inDescs + descRing.descs.offset,
    infos: inDescs + descRing.infos.offset,
    headId: inDescs + descRing.headId.offset,
    tailId: inDescs + descRing.tailId.offset,
    sizeBits: inData + dataRing.sizeBits.offset,
    data: inData + dataRing.data.offset,
    desc: { bytes: desc.bytes, state: desc.state.offset, begin: desc.begin.offset, next: desc.next.offset },
    info: {
      bytes: info.bytes,
      seq: info.seq.offset,
      time: info.time.offset,
      textLength: info.textLength.offset,
      caller: info.caller.offset,
      subsystem: info.subsystem,
      device: info.device,
    },
  };
}
