// SPDX-License-Identifier: Apache-2.0
// Sections of the man page that are not about a command.
import type { State } from '../core/outcome.js';

/** Environment variables that the program reads. */
export const ENVIRONMENT: Readonly<Record<string, string>> = {
  XDG_CACHE_HOME:
    'Cache folder of the user; default: .cache in the home folder. In kvm-vtop below it, code has the program as Node.js has compiled it, builds the IDs of names in the BTF of kernels, and dwarf the positions of structures in files with debug information. It can be deleted at any time. What another user owns or could have written is not read.',
  KVM_VTOP_CACHE: 'If it is off, no cache is used or written, as with --no-cache.',
  NODE_OPTIONS: 'Options for Node.js. Compiled code kept by a run with some options is not used by runs with others.',
  HOME: 'The home folder.',
  DEBUGINFOD_URLS:
    'With --debuginfod: the URLs of servers, separated by blanks. Without that option no socket is opened.',
  DEBUGINFOD_CACHE_PATH:
    'Folder for what servers send; default: debuginfod_client in the cache folder, as for the debuginfod client of elfutils.',
  DEBUGINFOD_TIMEOUT: 'Seconds without data after which a server is given up; default: 90.',
  DEBUGINFOD_MAXTIME: 'Most seconds that a file may take; default: no limit.',
  DEBUGINFOD_MAXSIZE: 'Most bytes that a file may have; default: 2 GiB, which is also the most.',
};

/** What the output looks like. */
export const OUTPUT: readonly string[] = [
  'Addresses are hexadecimal: the guest physical address (GPA), the host virtual address (HVA) of the same byte in the memory of QEMU, and its host physical address (HPA). An address that the dump does not prove is not printed.',
  'With -c /proc/kcore, as root, the memory is that of the running host. What changes while it is read is read again, until two readings in a row agree.',
  'The text of vtop has one block for each address, separated by an empty line. The first two lines have the GPA, the HVA (- if no memslot contains the GPA) and the HPA. Then come the page-table entries that were read, from the top level down (the physical address of the entry, then =>, then its value), the page, the flags of the last entry, the mapping (VMA) of the HVA, and the struct page, all as the vtop command of crash 9 prints them. Where there is no HPA its column has (not mapped) for a page that is swapped out or was never touched, (not accessible) if no mapping contains the HVA, and else the state.',
  'The other commands print tables under headings. Sizes are in units of 1024: KiB, MiB, GiB.',
  '--json prints one object per line, in which addresses are texts with 0x. --csv prints comma-separated values as in RFC 4180, and totals on standard error. The files docs/output.md and docs/commands/ of the package describe the members and columns.',
  'Warnings, and errors with exit status 2, are on standard error.',
];

/** Meaning of each state; docs/output.md has the reasons too. */
export const STATE_MEANINGS: Readonly<Record<State, string>> = {
  mapped: 'The page is in memory, at the HPA.',
  'no-memslot': 'No memslot contains the GPA: a hole, or registers of a device.',
  'slots-missing': 'No memslot that can be read contains it, but others are not in the dump.',
  'guest-memfd': 'The page is private: it is in the guest_memfd of the slot, not at the HVA.',
  'not-present':
    'The page table maps nothing there. Private memory was never touched, or was freed; a page of a file or of shared memory may be in the page cache or in swap.',
  swapped: 'The page is in swap.',
  migrating: 'The page was being moved at the time of the crash.',
  poisoned: 'The page has a memory error.',
  marker: 'The entry is a userfaultfd, guard or poison marker, or the page was lost when it was read back from swap.',
  'table-missing': 'A page table is not in the dump.',
  noncanonical: 'The HVA is not a user address.',
  damaged: 'A page-table entry that is not possible.',
  moved: 'On a running host: the memslot or a page-table entry changed each time it was read.',
  invalid: 'The line of standard input is not an address.',
};
