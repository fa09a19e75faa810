// SPDX-License-Identifier: Apache-2.0
// A KVM host put together by hand: a kernel with its own BTF and kallsyms, tasks, files, VMs and their memory, at
// kernel addresses that its page tables map. For what no machine here will do.

import { Bytes } from '../../src/core/bytes.js';
import type { Log } from '../../src/core/log.js';
import { silentLog } from '../../src/core/log.js';
import { DumpImage, type PageReader } from '../../src/dump/image.js';
import type { Host } from '../../src/kernel/host.js';
import { openHost } from '../../src/kernel/open-host.js';
import { type BtfOptions, BtfWriter } from './btf.js';
import { FORMS, type KallsymsForm, writeKallsyms } from './kallsyms.js';
import { Layouts } from './layout.js';
import { PAGE, PageTables, PhysicalMemory } from './memory.js';

const TEXT = 0xffffffff80000000n;
const TEXT_FRAMES = 0x400;

/** The structures of a small kernel; offsets are its own. */
export const SMALL_KERNEL = `
list_head {
  ptr next
  ptr prev
}
hlist_node {
  ptr next
  ptr pprev
}
hlist_head {
  ptr first
}
rb_node {
  u64 __rb_parent_color
  ptr rb_right
  ptr rb_left
}
rb_root {
  ptr rb_node
}
xarray {
  u32 xa_lock
  u32 xa_flags
  ptr xa_head
}
xa_node {
  u8 shift
  u8 offset
  u8 count
  u8 nr_values
  ptr parent
  ptr array
  struct list_head private_list
  ptr slots[64]
}
idr {
  struct xarray idr_rt
  u32 idr_base
  u32 idr_next
}
pid_namespace {
  pad 24
  struct idr idr
}
pid {
  u32 count
  u32 level
  struct hlist_head tasks[4]
}
signal_struct {
  pad 16
  struct list_head thread_head
}
task_struct {
  pad 48
  struct list_head tasks
  ptr mm
  int pid
  int tgid
  struct hlist_node pid_links[4]
  struct list_head thread_node
  char comm[16]
  ptr files
  ptr signal
}
files_struct {
  u32 count
  ptr fdt
}
fdtable {
  u32 max_fds
  ptr fd
}
qstr {
  u32 hash
  u32 len
  ptr name
}
dentry {
  pad 24
  ptr d_parent
  struct qstr d_name
}
path {
  ptr mnt
  ptr dentry
}
file {
  ptr f_op
  ptr private_data
  struct path f_path
}
maple_tree {
  u32 ma_lock
  u32 ma_flags
  ptr ma_root
}
mm_struct {
  struct {
    u32 mm_users
    struct maple_tree mm_mt
    ptr pgd
  }
}
mod_kallsyms {
  ptr symtab
  u32 num_symtab
  ptr strtab
}
module {
  u32 state
  struct list_head list
  char name[56]
  ptr kallsyms
}
btf {
  ptr data
  pad 8
  u32 data_size
}
btf_module {
  struct list_head list
  ptr module
  ptr btf
}
swap_info_struct {
  u64 flags
  u32 max
  ptr swap_file
}
enum pageflags { PG_locked=0, PG_hwpoison=20, __NR_PAGEFLAGS=22, PG_anon_exclusive=11 }
`;

export const KVM_TYPES = `
kvm_memslots {
  u64 generation
  struct rb_root gfn_tree
  u32 node_idx
}
gmem {
  ptr file
  u64 pgoff
}
kvm_memory_slot {
  struct rb_node gfn_node[2]
  u64 base_gfn
  u64 npages
  u64 userspace_addr
  u32 flags
  short id
  u16 as_id
  struct gmem gmem
}
kvm {
  ptr mm
  ptr memslots[2]
  struct list_head vm_list
  int userspace_pid
  struct xarray mem_attr_array
}
`;

export interface HostOptions {
  readonly levels?: 4 | 5;
  readonly kaslr?: bigint;
  readonly physBase?: bigint;
  readonly smeMask?: bigint;
  readonly kallsyms?: KallsymsForm;
  readonly types?: string;
  /** What the BTF says, where it shall not be what is there. */
  readonly btfTypes?: string;
  readonly btf?: BtfOptions;
  /** KVM's structures in the BTF of module kvm instead of vmlinux's. */
  readonly splitBtf?: boolean;
  /** Modules: without kvm, KVM is built in or not there. */
  readonly kvm?: 'module' | 'built in' | 'absent';
  /** Length of swap_info: which swap types are real. */
  readonly swapFiles?: number;
  /** How many symbols nobody asks for. */
  readonly ballast?: number;
}

/** What a slot is made of; addresses in bytes. */
export interface SlotWish {
  readonly id: number;
  readonly gpa: bigint;
  readonly pages: bigint;
  readonly hva: bigint;
  readonly flags?: number;
}

export class SyntheticHost {
  readonly memory = new PhysicalMemory();
  readonly kernel: PageTables;
  readonly layouts: Layouts;
  readonly symbols: [string, bigint][] = [];
  readonly #options: HostOptions;
  readonly #kaslr: bigint;
  readonly #physBase: bigint;
  #data: bigint;
  /** Physical address of each page that was written to. */
  readonly #pages = new Map<bigint, bigint>();
  #heap = 0xffff888001000000n;
  #moduleSymbols: [string, bigint][] = [];

  constructor(options: HostOptions = {}) {
    this.#options = options;
    this.#kaslr = options.kaslr ?? 0x2000000n;
    this.#physBase = options.physBase ?? -0x1000000n;
    this.layouts = new Layouts(options.types ?? SMALL_KERNEL + KVM_TYPES);
    this.kernel = new PageTables(this.memory, options.levels ?? 4, options.smeMask ?? 0n);
    const frame = Number((this.textStart - TEXT + this.#physBase) / PAGE);
    for (let i = 0; i < TEXT_FRAMES; i++) {
      this.memory.frames.set(frame + i, new Uint8Array(4096));
      this.kernel.map(this.textStart + BigInt(i) * PAGE, frame + i);
    }
    this.#data = this.textStart + 0x1000n;
    // swapper_pg_dir is found by arithmetic, so it lies in the kernel's image: its table is copied there at the end.
    this.symbol('Tswapper_pg_dir', this.#image(4096));
    for (const [name, type] of [
      ['init_task', 'task_struct'],
      ['init_pid_ns', 'pid_namespace'],
      ['modules', 'list_head'],
      ['btf_modules', 'list_head'],
    ] as const)
      this.symbol(`d${name}`, this.#image(this.layouts.structs.has(type) ? this.layouts.size(type) : 16));
    this.symbol('dswap_info', this.#image((options.swapFiles ?? 24) * 8));
    this.symbol('dafter_swap_info', this.at('swap_info') + BigInt((options.swapFiles ?? 24) * 8));
    this.#emptyLists();
  }

  get textStart(): bigint {
    return TEXT + 0x1000000n + this.#kaslr;
  }

  at(symbol: string): bigint {
    const found = this.symbols.find(([name]) => name.slice(1) === symbol);
    if (found === undefined) throw new Error(`no symbol ${symbol}`);
    return found[1];
  }

  symbol(name: string, address: bigint): void {
    this.symbols.push([name, address]);
  }

  /** A piece of kernel memory, mapped page by page; its address. Nothing else lies in its pages if `own`. */
  allocate(bytes: number, alignment = 256n): bigint {
    this.#heap = ((this.#heap + alignment - 1n) / alignment) * alignment;
    const address = this.#heap;
    this.#heap += BigInt(bytes);
    for (let page = address & ~0xfffn; page < this.#heap; page += PAGE)
      if (!this.#pages.has(page)) {
        const frame = this.memory.allocate();
        this.kernel.map(page, frame);
        this.#pages.set(page, BigInt(frame) * PAGE);
      }
    return address;
  }

  /** Physical address behind a kernel address. */
  physical(address: bigint): bigint {
    const page = address & ~0xfffn;
    let start = this.#pages.get(page);
    if (start === undefined) {
      const entry = this.memory.readU64(this.kernel.entry(page, 0)) & ~(this.#options.smeMask ?? 0n);
      start = entry & 0xffffffffff000n;
      if (start !== 0n) this.#pages.set(page, start);
    }
    return start + (address & 0xfffn);
  }

  write(address: bigint, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      const at = address + BigInt(done);
      const part = bytes.subarray(done, done + 4096 - Number(at & 0xfffn));
      this.memory.write(this.physical(at), part);
      done += part.length;
    }
  }

  u64(address: bigint, value: bigint): void {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt.asUintN(64, value));
    this.write(address, bytes);
  }

  /** Writes members of a structure that lies at an address. */
  set(struct: string, address: bigint, values: Readonly<Record<string, bigint | number | string>>): void {
    for (const [path, value] of Object.entries(values)) {
      const { offset, type } = this.layouts.at(struct, path);
      const bytes = Buffer.alloc(8);
      if (typeof value === 'string') this.write(address + BigInt(offset), Buffer.from(`${value}\0`, 'latin1'));
      else {
        bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)));
        this.write(address + BigInt(offset), bytes.subarray(0, this.layouts.size(type)));
      }
    }
  }

  make(struct: string, values: Readonly<Record<string, bigint | number | string>> = {}): bigint {
    const address = this.allocate(this.layouts.size(struct));
    this.set(struct, address, values);
    return address;
  }

  offset(struct: string, path: string): bigint {
    return BigInt(this.layouts.offset(struct, path));
  }

  /** Puts a link in front of a list's head. */
  append(head: bigint, link: bigint): void {
    const last = this.#read(head + 8n);
    this.u64(last, link);
    this.u64(link, head);
    this.u64(link + 8n, last);
    this.u64(head + 8n, link);
  }

  /** A process of one thread, in the task list and the pid IDR (unless `unlisted`). */
  task(pid: number, comm: string, mm: bigint, files: bigint, where: { idr?: boolean; list?: boolean } = {}): bigint {
    const signal = this.make('signal_struct');
    const threads = signal + this.offset('signal_struct', 'thread_head');
    this.u64(threads, threads);
    this.u64(threads + 8n, threads);
    const task = this.make('task_struct', { pid, tgid: pid, comm, mm, files, signal });
    this.append(threads, task + this.offset('task_struct', 'thread_node'));
    if (where.list !== false)
      this.append(
        this.at('init_task') + this.offset('task_struct', 'tasks'),
        task + this.offset('task_struct', 'tasks'),
      );
    if (where.idr !== false) this.idr(pid, task);
    return task;
  }

  /** A further thread of a process. */
  thread(tid: number, leader: bigint, comm: string, mm: bigint, files: bigint): bigint {
    const signal = this.#read(leader + this.offset('task_struct', 'signal'));
    const tgid = Number(this.#read(leader + this.offset('task_struct', 'pid')) & 0xffffffffn);
    const task = this.make('task_struct', { pid: tid, tgid, comm, mm, files, signal });
    this.append(signal + this.offset('signal_struct', 'thread_head'), task + this.offset('task_struct', 'thread_node'));
    this.idr(tid, task);
    return task;
  }

  idr(pid: number, task: bigint): void {
    const record = this.make('pid', { 'tasks[0].first': task + this.offset('task_struct', 'pid_links') });
    this.xarraySet(this.at('init_pid_ns') + this.offset('pid_namespace', 'idr.idr_rt.xa_head'), BigInt(pid), record);
  }

  /** Stores an entry in the XArray whose xa_head lies at an address. */
  xarraySet(head: bigint, index: bigint, entry: bigint): void {
    let root = this.#read(head);
    let shift = root === 0n ? -6n : BigInt(this.#byte(root - 2n + this.offset('xa_node', 'shift')));
    while (shift < 0n || index >> (shift + 6n) > 0n) {
      shift += 6n;
      const node = this.make('xa_node', { shift });
      if (root !== 0n) this.u64(node + this.offset('xa_node', 'slots'), root);
      root = node + 2n;
      this.u64(head, root);
    }
    let node = root - 2n;
    for (; shift > 0n; shift -= 6n) {
      const slot = node + this.offset('xa_node', 'slots') + ((index >> shift) & 63n) * 8n;
      let next = this.#read(slot);
      if (next === 0n) {
        next = this.make('xa_node', { shift: shift - 6n }) + 2n;
        this.u64(slot, next);
      }
      node = next - 2n;
    }
    this.u64(node + this.offset('xa_node', 'slots') + (index & 63n) * 8n, entry);
  }

  /** A descriptor table with these files, by descriptor. */
  files(files: Readonly<Record<number, bigint>>, maxFds = 64): bigint {
    const array = this.allocate(maxFds * 8, PAGE);
    for (const [fd, file] of Object.entries(files)) this.u64(array + BigInt(fd) * 8n, file);
    return this.make('files_struct', { count: 1, fdt: this.make('fdtable', { max_fds: maxFds, fd: array }) });
  }

  file(op: bigint, privateData: bigint, name: string): bigint {
    const text = this.allocate(name.length + 1);
    this.write(text, Buffer.from(`${name}\0`, 'latin1'));
    const dentry = this.make('dentry', { 'd_name.len': name.length, 'd_name.name': text });
    this.set('dentry', dentry, { d_parent: dentry });
    return this.make('file', { f_op: op, private_data: privateData, 'f_path.dentry': dentry });
  }

  /** An address space with page tables of its own. */
  mm(users = 1): { address: bigint; tables: PageTables } {
    const tables = new PageTables(this.memory, this.#options.levels ?? 4, this.#options.smeMask ?? 0n);
    const pgd = this.allocate(4096, PAGE);
    this.kernel.map(pgd, tables.root);
    this.#pages.delete(pgd);
    return { address: this.make('mm_struct', { mm_users: users, pgd }), tables };
  }

  vm(mm: bigint, slots: readonly SlotWish[], smm: readonly SlotWish[] = []): bigint {
    return this.make('kvm', { mm, 'memslots[0]': this.memslots(slots), 'memslots[1]': this.memslots(smm) });
  }

  /** A balanced tree over the slots, as far as order is concerned; colours are nobody's business. */
  memslots(slots: readonly SlotWish[], index: 0 | 1 = 1): bigint {
    const sorted = [...slots].sort((a, b) => (a.gpa < b.gpa ? -1 : 1));
    const at = this.offset('kvm_memory_slot', `gfn_node[${index}]`);
    const build = (from: number, to: number): bigint => {
      if (from >= to) return 0n;
      const middle = (from + to) >> 1;
      const { id, gpa, pages, hva, flags = 0 } = sorted[middle] as SlotWish;
      const slot = this.make('kvm_memory_slot', {
        base_gfn: gpa / PAGE,
        npages: pages,
        userspace_addr: hva,
        flags,
        id,
      });
      this.set('rb_node', slot + at, { rb_left: build(from, middle), rb_right: build(middle + 1, to) });
      return slot + at;
    };
    return this.make('kvm_memslots', { node_idx: index, 'gfn_tree.rb_node': build(0, sorted.length) });
  }

  /** The usual: a process that holds a VM over descriptor 9. */
  vmm(
    pid: number,
    slots: readonly SlotWish[],
    comm = 'qemu-system-x86',
  ): { mm: bigint; tables: PageTables; vm: bigint; task: bigint } {
    const { address: mm, tables } = this.mm();
    const vm = this.vm(mm, slots);
    const task = this.task(pid, comm, mm, this.files({ 9: this.file(this.vmFops, vm, 'kvm-vm') }));
    return { mm, tables, vm, task };
  }

  readonly vmFops = 0xffffffffc0a01000n;
  readonly vmList = 0xffffffffc0a02000n;

  /** The dump's image, with everything in its place. */
  image(): DumpImage {
    this.#finish();
    const info = this.#vmcoreinfo();
    const reader: PageReader = {
      description: 'synthetic',
      page: (frame) => this.memory.frame(frame) ?? this.memory.why(frame),
      vmcoreinfo: Bytes.of(Buffer.from(info, 'latin1'), { source: 'synthetic', offset: 0 }),
      notes: [],
      physBase: this.#physBase,
    };
    const file = {
      name: 'synthetic',
      size: 0,
      read: () => Bytes.of(new Uint8Array(0), { source: 'synthetic', offset: 0 }),
    };
    return new DumpImage(file, reader);
  }

  open(log: Log = silentLog): Host {
    return this.openImage(this.image(), log);
  }

  openImage(image: DumpImage, log: Log = silentLog): Host {
    return openHost(image, image, log);
  }

  /** The text of the usual structures, to be changed. */
  typesText(): string {
    return SMALL_KERNEL + KVM_TYPES;
  }

  vmcoreinfo(): string {
    this.#finish();
    return this.#vmcoreinfo();
  }

  #tables: ReadonlyMap<string, bigint> | null = null;

  #finish(): void {
    if (this.#tables !== null) return;
    this.#modules();
    this.#btf();
    for (let i = 0; i < (this.#options.ballast ?? 600); i++)
      this.symbol(`t${'x'.repeat(1 + (i % 150))}_${i}`, this.textStart + BigInt(i) * 8n);
    this.symbol('T_stext', this.textStart);
    this.symbols.sort((a, b) => (a[1] < b[1] ? -1 : a[1] > b[1] ? 1 : 0));
    const form = this.#options.kallsyms ?? (FORMS['7.2'] as KallsymsForm);
    const percpu: [string, bigint][] =
      form.addresses === 'percpu' || form.addresses === 'absolute' ? [['Apcpu_thing', 0x1f0n]] : [];
    const base = (this.#data + 0xfffn) & ~0xfffn;
    const { bytes, tables } = writeKallsyms([...percpu, ...this.symbols], base, form);
    this.#data = base + BigInt(bytes.length);
    this.write(base, bytes);
    this.#tables = tables;
    this.write(this.at('swapper_pg_dir'), this.memory.frames.get(this.kernel.root) as Uint8Array);
  }

  #vmcoreinfo(): string {
    const keys = ['num_syms', 'names', 'token_table', 'token_index', 'offsets', 'relative_base', 'addresses'];
    const kallsyms = keys
      .filter((key) => this.#tables?.has(key))
      .map((key) => `SYMBOL(kallsyms_${key})=${this.#tables?.get(key)?.toString(16)}`);
    return [
      'OSRELEASE=9.9.9-synthetic',
      'PAGESIZE=4096',
      `SYMBOL(swapper_pg_dir)=${this.at('swapper_pg_dir').toString(16)}`,
      `SYMBOL(_stext)=${this.textStart.toString(16)}`,
      `NUMBER(phys_base)=${this.#physBase}`,
      `NUMBER(pgtable_l5_enabled)=${this.#options.levels === 5 ? 1 : 0}`,
      `NUMBER(sme_mask)=${this.#options.smeMask ?? 0n}`,
      `KERNELOFFSET=${this.#kaslr.toString(16)}`,
      ...kallsyms,
      '',
    ].join('\n');
  }

  /** A piece of the kernel's own image. */
  #image(bytes: number): bigint {
    const address = (this.#data + 0xfffn) & ~0xfffn;
    this.#data = address + BigInt(bytes);
    return address;
  }

  #emptyLists(): void {
    const tasks = this.at('init_task') + this.offset('task_struct', 'tasks');
    for (const head of [tasks, this.at('modules'), this.at('btf_modules')]) {
      this.u64(head, head);
      this.u64(head + 8n, head);
    }
  }

  #modules(): void {
    const kvm = this.#options.kvm ?? 'module';
    this.#module('ext4', [['dnoise', 0xffffffffc0001000n]]);
    const symbols: [string, bigint][] = [
      ['kvm_vm_fops', this.vmFops],
      ['vm_list', this.vmList],
      ...this.#moduleSymbols,
    ];
    if (kvm === 'module') this.#module('kvm', [['kvm_vcpu_fops', 0xffffffffc0a03000n], ...symbols]);
    if (kvm === 'built in') for (const [name, address] of symbols) this.symbol(`d${name}`, address);
  }

  #module(name: string, symbols: readonly (readonly [string, bigint])[]): bigint {
    const strings = Buffer.from(`\0${symbols.map(([text]) => `${text}\0`).join('')}`, 'latin1');
    const strtab = this.allocate(strings.length);
    this.write(strtab, strings);
    const symtab = this.allocate(symbols.length * 24);
    symbols.forEach(([text, address], i) => {
      const record = Buffer.alloc(24);
      record.writeUInt32LE(strings.indexOf(`\0${text}\0`, 0, 'latin1') + 1, 0);
      record.writeBigUInt64LE(address, 8);
      this.write(symtab + BigInt(i * 24), record);
    });
    const kallsyms = this.make('mod_kallsyms', { symtab, strtab, num_symtab: symbols.length });
    const module = this.make('module', { name, kallsyms });
    this.append(this.at('modules'), module + this.offset('module', 'list'));
    return module;
  }

  #btf(): void {
    const { splitBtf = false, btf = {} } = this.#options;
    const told = this.#options.btfTypes === undefined ? this.layouts : new Layouts(this.#options.btfTypes);
    const core = new BtfWriter(splitBtf ? new Layouts(SMALL_KERNEL) : told, btf);
    const start = this.#image(core.bytes().length + 1);
    this.write(start, core.bytes());
    this.symbol('D__start_BTF', start);
    this.symbol('D__stop_BTF', start + BigInt(core.bytes().length));
    if (!splitBtf) return;
    const split = new BtfWriter(this.layouts, { ...btf, unknownKinds: [], base: core.end });
    const data = this.allocate(split.bytes().length);
    this.write(data, split.bytes());
    const module = this.#read(this.at('modules') + 8n) - this.offset('module', 'list');
    const entry = this.make('btf_module', { module, btf: this.make('btf', { data, data_size: split.bytes().length }) });
    this.append(this.at('btf_modules'), entry + this.offset('btf_module', 'list'));
  }

  /** The pointer at an address. */
  pointer(address: bigint): bigint {
    return this.#read(address);
  }

  #read(address: bigint): bigint {
    return this.memory.readU64(this.physical(address));
  }

  #byte(address: bigint): number {
    return Number(this.#read(address & ~7n) >> ((address & 7n) * 8n)) & 0xff;
  }
}
