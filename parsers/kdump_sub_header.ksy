meta:
  id: kdump_sub_header
  title: Sub-header of a kdump-compressed dump
  license: Apache-2.0
  endian: le
doc: |
  struct kdump_sub_header of a 64-bit machine, in block 1 of the file. Which fields are valid depends on
  header_version; the contents of later fields are undefined.
doc-ref: makedumpfile diskdump_mod.h
seq:
  - id: phys_base
    type: u64
  - id: dump_level
    type: s4
    doc: since version 1
  - id: split
    type: s4
    doc: since version 2
  - id: start_pfn
    type: u64
    doc: since version 2; obsolete since version 6
  - id: end_pfn
    type: u64
  - id: offset_vmcoreinfo
    type: u64
    doc: since version 3
  - id: size_vmcoreinfo
    type: u64
  - id: offset_note
    type: u64
    doc: since version 4
  - id: size_note
    type: u64
  - id: offset_eraseinfo
    type: u64
    doc: since version 5
  - id: size_eraseinfo
    type: u64
  - id: start_pfn_64
    type: u64
    doc: since version 6
  - id: end_pfn_64
    type: u64
  - id: max_mapnr_64
    type: u64
types:
  u64:
    doc: Two 32-bit words, because a JavaScript number is exact up to 2^53 only.
    seq:
      - id: lo
        type: u4
      - id: hi
        type: u4
