meta:
  id: kdump_header
  title: Header of a kdump-compressed dump
  license: Apache-2.0
  endian: le
doc: |
  struct disk_dump_header of a 64-bit little-endian machine. It is in the first block of the file.
doc-ref: makedumpfile diskdump_mod.h; QEMU include/sysemu/dump.h
seq:
  - id: signature
    contents: 'KDUMP   '
  - id: header_version
    type: s4
  - id: utsname
    type: new_utsname
  - id: padding
    size: 6
  - id: timestamp
    size: 16
  - id: status
    type: u4
  - id: block_size
    type: s4
  - id: sub_hdr_size
    type: s4
    doc: in blocks
  - id: bitmap_blocks
    type: u4
    doc: both bitmaps together
  - id: max_mapnr
    type: u4
    doc: number of frames; obsolete since header version 6
  - id: total_ram_blocks
    type: u4
  - id: device_blocks
    type: u4
  - id: written_blocks
    type: u4
  - id: current_cpu
    type: u4
  - id: nr_cpus
    type: s4
types:
  new_utsname:
    seq:
      - id: sysname
        size: 65
      - id: nodename
        size: 65
      - id: release
        size: 65
      - id: version
        size: 65
      - id: machine
        size: 65
      - id: domainname
        size: 65
