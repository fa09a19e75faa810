// SPDX-License-Identifier: Apache-2.0
// The members of the kernel's log that are read where VMCOREINFO does not have them.
import { fields, optional, required } from '../../types/fields.js';

/** kernel/printk/printk_ringbuffer.h; since Linux commit 896fbe20b4e2 ("printk: use the lockless ringbuffer") (in v5.10). */
export const ringBufferFields = fields('printk_ringbuffer', {
  descRing: required('desc_ring'),
  textRing: required('text_data_ring'),
});
export const descRingFields = fields('prb_desc_ring', {
  countBits: required('count_bits', 4),
  descs: required('descs', 8),
  infos: required('infos', 8),
  headId: required('head_id', 8),
  tailId: required('tail_id', 8),
});
export const descFields = fields('prb_desc', {
  state: required('state_var', 8),
  begin: required('text_blk_lpos.begin', 8),
  next: required('text_blk_lpos.next', 8),
});
export const dataRingFields = fields('prb_data_ring', {
  sizeBits: required('size_bits', 4),
  data: required('data', 8),
});
export const infoFields = fields('printk_info', {
  seq: required('seq', 8),
  time: required('ts_nsec', 8),
  textLength: required('text_len', 2),
  caller: required('caller_id', 4),
  subsystem: required('dev_info.subsystem'),
  device: required('dev_info.device'),
});

/** kernel/printk/printk.c; struct log from v3.5, printk_log from v3.11, up to v5.9. */
const oldRecord = {
  time: required('ts_nsec', 8),
  length: required('len', 2),
  textLength: required('text_len', 2),
  dictLength: required('dict_len', 2),
  // The first kernels with records have both, level and facility, in one member of two bytes, `level`.
  facility: optional('facility', 1),
};
export const printkLogFields = fields('printk_log', oldRecord);
export const logFields = fields('log', oldRecord);
