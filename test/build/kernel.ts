// SPDX-License-Identifier: Apache-2.0
// A synthetic KVM host: a kernel with its own BTF and kallsyms, tasks, files, VMs and their memory, at kernel addresses
// that its page tables map. For conditions that no recorded host has.

import { pfn } from '../../src/core/address.js';
import { Bytes } from '../../src/core/bytes.js';
import type { Log } from '../../src/core/log.js';
import { silentLog } from '../../src/core/log.js';
import { DumpImage, type PageReader } from '../../src/dump/image.js';
import { buildIdNote } from '../../src/elf/notes.js';
import type { Host } from '../../src/kernel/host.js';
import { KVM_NEEDS } from '../../src/kvm/needs.js';
import { openHost } from '../../src/opening/open-host.js';
import { BtfWriter } from './btf.js';
import { FORMS, type KallsymsForm, writeKallsyms } from './kallsyms.js';
import { Layouts } from './layout.js';
import { PAGE, PageTables, PhysicalMemory } from './memory.js';
import { BANNER, type HostOptions, RELEASE, VERSION } from './options.js';
import { KVM_TYPES, SMALL_KERNEL } from './small-kernel.js';
import { vmcoreinfoText } from './vmcoreinfo.js';

const NEWEST = FORMS['7.2'] as KallsymsForm;
const TEXT = 0xffffffff80000000n;
const TEXT_FRAMES = 0x400;

/** Buckets of pid_hash, as a power of 2. */
export const PIDHASH_SHIFT = 9;

/** The kernel itself: memory, symbols, types, modules, notes. */
export class SyntheticKernel {
  readonly memory = new PhysicalMemory();
  readonly kernel: PageTables;
  readonly layouts: Layouts;
  readonly symbols: [string, bigint][] = [];
  readonly options: HostOptions;
  readonly kaslr: bigint;
  readonly physBase: bigint;
  #data: bigint;
  /** Physical address of each page that was mapped or looked up. */
  readonly #pages = new Map<bigint, bigint>();
  #heap = 0xffff888001000000n;
  #moduleSymbols: [string, bigint][] = [];
  /** Address of the struct module of the vendor's module. */
  #vendor = 0n;

  constructor(options: HostOptions = {}) {
    this.options = options;
    this.kaslr = options.kaslr ?? 0x2000000n;
    this.physBase = options.physBase ?? -0x1000000n;
    this.layouts = new Layouts(options.types ?? SMALL_KERNEL + KVM_TYPES);
    this.kernel = new PageTables(this.memory, options.levels ?? 4, options.smeMask ?? 0n);
    const frame = Number((this.textStart - TEXT + this.physBase) / PAGE);
    for (let i = 0; i < TEXT_FRAMES; i++) {
      this.memory.frames.set(frame + i, new Uint8Array(4096));
      this.kernel.map(this.textStart + BigInt(i) * PAGE, frame + i);
    }
    this.#data = this.textStart + 0x1000n;
    // The address of swapper_pg_dir is computed, so it must be in the kernel's image: its table is copied there at the end.
    this.symbol('Tswapper_pg_dir', this.#image(4096));
    for (const [name, type] of [
      ['init_task', 'task_struct'],
      ['init_pid_ns', 'pid_namespace'],
      ['modules', 'list_head'],
      ['btf_modules', 'list_head'],
      ['init_uts_ns', 'uts_namespace'],
    ] as const)
      this.symbol(`d${name}`, this.#image(this.layouts.structs.has(type) ? this.layouts.size(type) : 16));
    const stride = options.swapStructs === true ? this.layouts.size('swap_info_struct') : 8;
    this.symbol('dswap_info', this.#image((options.swapFiles ?? 24) * stride));
    this.symbol('dafter_swap_info', this.at('swap_info') + BigInt((options.swapFiles ?? 24) * stride));
    if (options.oldNotes === true) {
      this.symbol('dphys_base', this.#image(8));
      this.u64(this.at('phys_base'), this.physBase);
    }
    if (this.layouts.structs.has('upid')) {
      this.symbol('bpid_hash', this.#image(8));
      this.symbol('dpidhash_shift', this.#image(8));
      this.u64(this.at('pid_hash'), this.allocate(2 ** PIDHASH_SHIFT * 8));
      this.u64(this.at('pidhash_shift'), BigInt(PIDHASH_SHIFT));
    }
    if (options.zswapTrees !== undefined) {
      this.symbol('dzswap_trees', this.#image(options.zswapTrees * 8));
      this.symbol('dafter_zswap_trees', this.at('zswap_trees') + BigInt(options.zswapTrees * 8));
    }
    if (options.buildId !== undefined) this.#notes(options.buildId);
    this.#text('Dlinux_banner', options.banner ?? BANNER);
    this.#text('dvermagic', options.vermagic ?? `${RELEASE} SMP mod_unload`);
    this.vmList = this.allocate(16);
    this.#emptyLists();
    this.set('uts_namespace', this.at('init_uts_ns'), {
      sysname: 'Linux',
      release: options.release ?? RELEASE,
      version: VERSION,
    });
  }

  get textStart(): bigint {
    return TEXT + 0x1000000n + this.kaslr;
  }

  at(symbol: string): bigint {
    const found = this.symbols.find(([name]) => name.slice(1) === symbol);
    if (found === undefined) throw new Error(`no symbol ${symbol}`);
    return found[1];
  }

  symbol(name: string, address: bigint): void {
    this.symbols.push([name, address]);
  }

  /** Allocates kernel memory, mapped page by page. Returns its address. */
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

  /** Maps a page of kernel memory to another frame. */
  remap(page: bigint, frame: number): void {
    this.kernel.map(page, frame);
    this.#pages.delete(page);
  }

  /** The physical address of a kernel address. */
  physical(address: bigint): bigint {
    const page = address & ~0xfffn;
    let start = this.#pages.get(page);
    if (start === undefined) {
      const entry = this.memory.readU64(this.kernel.entry(page, 0)) & ~(this.options.smeMask ?? 0n);
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

  /** Writes members of the structure at an address. */
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

  /** Whether this kernel's structure has a member. */
  has(struct: string, member: string): boolean {
    return this.layouts.structs.get(struct)?.some(([name]) => name === member) ?? false;
  }

  offset(struct: string, path: string): bigint {
    return BigInt(this.layouts.offset(struct, path));
  }

  /** A swap area of this type; `pages` includes its header. */
  swapArea(type: number, pages = 2 ** 32 - 1): bigint {
    // The name of its file is covered by another test.
    const area = { max: pages, swap_file: 0xffff888ffff00000n };
    if (this.options.swapStructs === true) {
      const place = this.at('swap_info') + BigInt(type * this.layouts.size('swap_info_struct'));
      this.set('swap_info_struct', place, area);
      return place;
    }
    const info = this.make('swap_info_struct', area);
    this.u64(this.at('swap_info') + BigInt(type * 8), info);
    return info;
  }

  /** Appends a link to a list. */
  append(head: bigint, link: bigint): void {
    const last = this.#read(head + 8n);
    this.u64(last, link);
    this.u64(link, head);
    this.u64(link + 8n, last);
    this.u64(head + 8n, link);
  }

  readonly vmFops = 0xffffffffc0a01000n;
  readonly vmList: bigint;

  /** The image of the dump, completed. */
  image(): DumpImage {
    this.#finish();
    const info = this.#vmcoreinfo();
    const reader: PageReader = {
      description: 'synthetic',
      page: (frame) => this.memory.frame(frame) ?? this.memory.why(frame),
      vmcoreinfo: Bytes.of(Buffer.from(info, 'latin1'), { source: 'synthetic', offset: 0 }),
      notes: [],
      problems: [],
      limit: this.options.limit,
      gapEnd: (frame) => frame + 1,
      present: () => [...this.memory.frames.keys()].map(pfn).values(),
      physBase: this.physBase,
    };
    return new DumpImage('synthetic', reader);
  }

  open(log: Log = silentLog): Host {
    return this.openImage(this.image(), log);
  }

  openImage(image: DumpImage, log: Log = silentLog): Host {
    return openHost(image, image, log, KVM_NEEDS);
  }

  /** The text of the default structures, for tests that change it. */
  readonly typesText = (): string => SMALL_KERNEL + KVM_TYPES;

  vmcoreinfo(): string {
    this.#finish();
    return this.#vmcoreinfo();
  }

  #tables: ReadonlyMap<string, bigint> | null = null;

  #finish(): void {
    if (this.#tables !== null) return;
    this.#modules();
    if (this.options.noBtf !== true) this.#btf();
    for (let i = 0; i < (this.options.ballast ?? 600); i++)
      this.symbol(`t${'x'.repeat(1 + (i % 150))}_${i}`, this.textStart + BigInt(i) * 8n);
    for (let i = 0; i < (this.options.functions ?? 0); i++)
      this.symbol(`Tfunction_${i}`, this.textStart + 0x100n + BigInt(i) * 16n);
    this.symbol('T_text', this.textStart);
    this.symbol('T_stext', this.textStart);
    this.symbols.sort((a, b) => (a[1] < b[1] ? -1 : a[1] > b[1] ? 1 : 0));
    const form = this.options.kallsyms ?? NEWEST;
    const percpu: [string, bigint][] =
      form.addresses === 'percpu' || form.addresses === 'absolute' ? [['Apcpu_thing', 0x1f0n]] : [];
    const base = (this.#data + 0xfffn) & ~0xfffn;
    if (this.options.noKallsyms === true) {
      this.#tables = new Map();
      this.write(this.at('swapper_pg_dir'), this.memory.frames.get(this.kernel.root) as Uint8Array);
      return;
    }
    const listed =
      this.options.textSymbols === true ? this.symbols.filter(([name]) => /^[Tt]/.test(name)) : this.symbols;
    const { bytes, tables } = writeKallsyms([...percpu, ...listed], base, form);
    this.#data = base + BigInt(bytes.length);
    this.write(base, bytes);
    this.#tables = tables;
    this.write(this.at('swapper_pg_dir'), this.memory.frames.get(this.kernel.root) as Uint8Array);
  }

  #vmcoreinfo(): string {
    return vmcoreinfoText(this, this.#tables ?? new Map(), (this.#data + 0xfffn) & ~0xfffn);
  }

  /** Allocates memory in the kernel's image. */
  #image(bytes: number): bigint {
    const address = (this.#data + 0xfffn) & ~0xfffn;
    this.#data = address + BigInt(bytes);
    return address;
  }

  #text(symbol: string, text: string): void {
    const bytes = Buffer.from(`${text}\0`, 'latin1');
    this.symbol(symbol, this.#image(bytes.length));
    this.write(this.at(symbol.slice(1)), bytes);
  }

  #notes(buildId: string): void {
    const note = buildIdNote(buildId);
    const start = this.#image(note.length);
    this.write(start, note);
    this.symbol('R__start_notes', start);
    this.symbol('R__stop_notes', start + BigInt(note.length));
  }

  #emptyLists(): void {
    const tasks = this.at('init_task') + this.offset('task_struct', 'tasks');
    for (const head of [tasks, this.at('modules'), this.at('btf_modules'), this.vmList]) {
      this.u64(head, head);
      this.u64(head + 8n, head);
    }
  }

  #modules(): void {
    const kvm = this.options.kvm ?? 'module';
    this.#module('ext4', [['dnoise', 0xffffffffc0001000n]]);
    const data: [string, bigint][] = [
      ['kvm_vm_fops', this.vmFops],
      ['vm_list', this.vmList],
    ];
    const symbols = [...(this.options.noVmSymbols === true ? [] : data), ...this.#moduleSymbols];
    const { vendor } = this.options;
    if (vendor !== undefined) this.#vendor = this.#module(vendor.name, []);
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
    const table = { symtab, strtab, num_symtab: symbols.length };
    const module = this.layouts.structs.has('mod_kallsyms')
      ? this.make('module', { name, kallsyms: this.make('mod_kallsyms', table) })
      : this.make('module', { name, ...table });
    const { kvmBuildId } = this.options;
    if (name === 'kvm' && kvmBuildId !== undefined)
      this.write(module + this.offset('module', 'build_id'), Buffer.from(kvmBuildId, 'hex'));
    this.append(this.at('modules'), module + this.offset('module', 'list'));
    return module;
  }

  #btf(): void {
    const { splitBtf = false, btf = {} } = this.options;
    const described = this.options.btfTypes === undefined ? this.layouts : new Layouts(this.options.btfTypes);
    const core = new BtfWriter(splitBtf ? new Layouts(this.options.vmlinuxTypes ?? SMALL_KERNEL) : described, btf);
    const start = this.#image(core.bytes().length + 1);
    this.write(start, core.bytes());
    if (this.options.noBtfSymbols !== true) {
      this.symbol('D__start_BTF', start);
      this.symbol('D__stop_BTF', start + BigInt(core.bytes().length));
    }
    const vendorTypes = this.options.vendor?.types;
    if (vendorTypes !== undefined) this.#moduleBtf(this.#vendor, new Layouts(vendorTypes), core);
    const last = this.#read(this.at('modules') + 8n) - this.offset('module', 'list');
    const own = this.options.moduleTypes === undefined ? this.layouts : new Layouts(this.options.moduleTypes);
    if (splitBtf) this.#moduleBtf(last, own, core);
  }

  #moduleBtf(module: bigint, layouts: Layouts, core: BtfWriter): void {
    const split = new BtfWriter(layouts, { ...this.options.btf, unknownKinds: [], base: core.end });
    const data = this.allocate(split.bytes().length);
    this.write(data, split.bytes());
    const entry = this.make('btf_module', {
      module,
      btf: this.make('btf', {
        data,
        data_size: split.bytes().length,
        start_id: core.end.types,
        start_str_off: core.end.strings,
      }),
    });
    this.append(this.at('btf_modules'), entry + this.offset('btf_module', 'list'));
  }

  /** The pointer at an address. */
  pointer(address: bigint): bigint {
    return this.#read(address);
  }

  #read(address: bigint): bigint {
    return this.memory.readU64(this.physical(address));
  }

  byte(address: bigint): number {
    return Number(this.#read(address & ~7n) >> ((address & 7n) * 8n)) & 0xff;
  }
}
