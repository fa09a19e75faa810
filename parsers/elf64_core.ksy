meta:
  id: elf64_core
  title: Header of an ELF64 file, the first bytes of an ELF vmcore
  license: Apache-2.0
  endian: le
doc: |
  File header of a little-endian ELF64 file. Program headers are not described: a core file can have more of them than
  e_phnum can count (PN_XNUM), and they are read as a table.
doc-ref: System V gABI, chapter 4, "ELF Header"; Linux include/uapi/linux/elf.h
seq:
  - id: magic
    contents: [0x7f, 'ELF']
  - id: ei_class
    -orig-id: EI_CLASS
    type: u1
    enum: classes
  - id: ei_data
    -orig-id: EI_DATA
    type: u1
    enum: data
  - id: ei_rest
    size: 10
  - id: e_type
    type: u2
  - id: e_machine
    type: u2
  - id: e_version
    type: u4
  - id: e_entry
    type: u64
  - id: e_phoff
    type: u64
  - id: e_shoff
    type: u64
  - id: e_flags
    type: u4
  - id: e_ehsize
    type: u2
  - id: e_phentsize
    type: u2
  - id: e_phnum
    type: u2
  - id: e_shentsize
    type: u2
  - id: e_shnum
    type: u2
  - id: e_shstrndx
    type: u2
types:
  u64:
    doc: Two 32-bit words, because a JavaScript number is exact up to 2^53 only.
    seq:
      - id: lo
        type: u4
      - id: hi
        type: u4
enums:
  classes:
    1: elf32
    2: elf64
  data:
    1: lsb
    2: msb
