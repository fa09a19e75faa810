meta:
  id: kdump_sub_header
  title: Sub-header of a kdump-compressed dump
  license: Apache-2.0
  endian: le
doc: |
  struct kdump_sub_header of a 64-bit machine, at block 1. header_version decides which fields are valid; the
  others contain whatever was in the block.
doc-ref: makedumpfile diskdump_mod.h
seq:
  - id: phys_base
    type: u64
  - id: dump_level
    type: s4
    doc: from version 1
  - id: split
    type: s4
    doc: from version 2
  - id: start_pfn
    type: u64
    doc: from version 2, obsolete from version 6
  - id: end_pfn
    type: u64
  - id: offset_vmcoreinfo
    type: u64
    doc: from version 3
  - id: size_vmcoreinfo
    type: u64
  - id: offset_note
    type: u64
    doc: from version 4
  - id: size_note
    type: u64
  - id: offset_eraseinfo
    type: u64
    doc: from version 5
  - id: size_eraseinfo
    type: u64
  - id: start_pfn_64
    type: u64
    doc: from version 6
  - id: end_pfn_64
    type: u64
  - id: max_mapnr_64
    type: u64
types:
  u64:
    doc: Two words, because a JavaScript number loses the low bits of 64.
    seq:
      - id: lo
        type: u4
      - id: hi
        type: u4
