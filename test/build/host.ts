// SPDX-License-Identifier: Apache-2.0
// Tasks, files, virtual machines and their memory on a synthetic kernel.
import { PIDHASH_SHIFT, SyntheticKernel } from './kernel.js';
import { PAGE, PageTables } from './memory.js';

export type { HostOptions } from './options.js';

/** A memslot to make; addresses are in bytes. */
export interface SlotWish {
  readonly id: number;
  readonly gpa: bigint;
  readonly pages: bigint;
  readonly hva: bigint;
  readonly flags?: number;
}

export class SyntheticHost extends SyntheticKernel {
  /** A process with one thread, in the task list and the pid IDR (unless `where` excludes one). */
  task(pid: number, comm: string, mm: bigint, files: bigint, where: { idr?: boolean; list?: boolean } = {}): bigint {
    const signal = this.make('signal_struct');
    const task = this.make('task_struct', { pid, tgid: pid, comm, mm, files, signal });
    if (this.has('task_struct', 'thread_node')) {
      const threads = signal + this.offset('signal_struct', 'thread_head');
      this.u64(threads, threads);
      this.u64(threads + 8n, threads);
      this.append(threads, task + this.offset('task_struct', 'thread_node'));
    } else {
      const ring = task + this.offset('task_struct', 'thread_group');
      this.u64(ring, ring);
      this.u64(ring + 8n, ring);
    }
    if (where.list !== false)
      this.append(
        this.at('init_task') + this.offset('task_struct', 'tasks'),
        task + this.offset('task_struct', 'tasks'),
      );
    if (where.idr !== false) this.idr(pid, task);
    return task;
  }

  /** Another thread of a process. */
  thread(tid: number, leader: bigint, comm: string, mm: bigint, files: bigint): bigint {
    const signal = this.pointer(leader + this.offset('task_struct', 'signal'));
    const tgid = Number(this.pointer(leader + this.offset('task_struct', 'pid')) & 0xffffffffn);
    const task = this.make('task_struct', { pid: tid, tgid, comm, mm, files, signal });
    if (this.has('task_struct', 'thread_node'))
      this.append(
        signal + this.offset('signal_struct', 'thread_head'),
        task + this.offset('task_struct', 'thread_node'),
      );
    else
      this.append(
        leader + this.offset('task_struct', 'thread_group'),
        task + this.offset('task_struct', 'thread_group'),
      );
    this.idr(tid, task);
    return task;
  }

  /** Enters a task under its number. */
  idr(pid: number, task: bigint): void {
    const link = this.has('task_struct', 'pid_links') ? 'pid_links' : 'pids';
    const record = this.make('pid', { 'tasks[0].first': task + this.offset('task_struct', link) });
    if (!this.has('pid_namespace', 'idr')) {
      this.hash(pid, record);
      return;
    }
    const root = this.layouts.structs.has('xarray') ? 'idr.idr_rt.xa_head' : 'idr.idr_rt.rnode';
    this.xarraySet(this.at('init_pid_ns') + this.offset('pid_namespace', root), BigInt(pid), record);
  }

  /** Up to 4.14: enters it in pid_hash, at the head of its chain. */
  hash(pid: number, record: bigint): void {
    const namespace = this.at('init_pid_ns');
    this.set('pid', record, { 'numbers[0].nr': pid, 'numbers[0].ns': namespace });
    const ratio = this.options.goldenRatio ?? 0x9e37fffffffc0001n;
    const bucket = BigInt.asUintN(64, (BigInt(pid) + namespace) * ratio) >> BigInt(64 - PIDHASH_SHIFT);
    const head = this.pointer(this.at('pid_hash')) + bucket * 8n;
    const link = record + this.offset('pid', 'numbers[0].pid_chain');
    this.u64(link, this.pointer(head));
    this.u64(head, link);
  }

  /** Stores an entry in the XArray whose xa_head is at this address. */
  xarraySet(head: bigint, index: bigint, entry: bigint): void {
    // Pointers to nodes end in binary 10 in an XArray, in 01 in the radix tree before it.
    const type = this.layouts.structs.has('xa_node') ? 'xa_node' : 'radix_tree_node';
    const tag = type === 'xa_node' ? 2n : 1n;
    // The node's parent and slot, as far as this kernel's nodes record them.
    const hang = (node: bigint, parent: bigint, offset: bigint): void => {
      if (this.has(type, 'parent')) this.set(type, node, { parent });
      if (this.has(type, 'offset')) this.set(type, node, { offset });
    };
    let root = this.pointer(head);
    let shift = root === 0n ? -6n : BigInt(this.byte(root - tag + this.offset(type, 'shift')));
    while (shift < 0n || index >> (shift + 6n) > 0n) {
      shift += 6n;
      const node = this.make(type, { shift });
      if (root !== 0n) {
        this.u64(node + this.offset(type, 'slots'), root);
        hang(root - tag, node, 0n);
      }
      root = node + tag;
      this.u64(head, root);
    }
    let node = root - tag;
    for (; shift > 0n; shift -= 6n) {
      const slot = node + this.offset(type, 'slots') + ((index >> shift) & 63n) * 8n;
      let next = this.pointer(slot);
      if (next === 0n) {
        next = this.make(type, { shift: shift - 6n }) + tag;
        hang(next - tag, node, (index >> shift) & 63n);
        this.u64(slot, next);
      }
      node = next - tag;
    }
    this.u64(node + this.offset(type, 'slots') + (index & 63n) * 8n, entry);
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

  /** An address space with its own page tables. */
  mm(users = 1): { address: bigint; tables: PageTables } {
    const tables = new PageTables(this.memory, this.options.levels ?? 4, this.options.smeMask ?? 0n);
    const pgd = this.allocate(4096, PAGE);
    this.remap(pgd, tables.root);
    return { address: this.make('mm_struct', { mm_users: users, pgd }), tables };
  }

  vm(mm: bigint, slots: readonly SlotWish[], smm: readonly SlotWish[] = []): bigint {
    const kvm = this.make('kvm', { mm });
    const { type } = this.layouts.at('kvm', 'memslots');
    const of = type.kind === 'array' ? type.of : type;
    if (of.kind === 'struct') this.slotArray('kvm', kvm, slots);
    else if (type.kind !== 'array') this.set('kvm', kvm, { memslots: this.slotSet(slots) });
    else
      [slots, smm].forEach((list, i) => {
        this.set('kvm', kvm, { [`memslots[${i}]`]: this.slotSet(list) });
      });
    const pages = [...slots, ...smm].reduce((sum, slot) => sum + slot.pages, 0n);
    if (this.has('kvm', 'nr_memslot_pages')) this.set('kvm', kvm, { nr_memslot_pages: pages });
    this.append(this.vmList, kvm + this.offset('kvm', 'vm_list'));
    return kvm;
  }

  slotSet(slots: readonly SlotWish[]): bigint {
    if (this.has('kvm_memslots', 'gfn_tree')) return this.memslots(slots);
    const { offset, type } = this.layouts.at('kvm_memslots', 'memslots');
    const flexible = type.kind === 'array' && type.count === 0;
    const bytes = flexible ? offset + slots.length * this.layouts.size(type.of) : this.layouts.size('kvm_memslots');
    const set = this.allocate(bytes);
    this.slotArray('kvm_memslots', set, slots);
    return set;
  }

  /** Writes slots in the order of the era: by id, or by size or frame with the highest first. */
  slotArray(struct: string, address: bigint, slots: readonly SlotWish[]): void {
    const { offset, type } = this.layouts.at(struct, 'memslots');
    const element = type.kind === 'array' ? this.layouts.size(type.of) : 0;
    const byId = !this.has(struct, 'id_to_index');
    const byFrame = this.has(struct, 'used_slots');
    const sorted = [...slots].sort((a, b) => Number(byFrame ? b.gpa - a.gpa : b.pages - a.pages));
    sorted.forEach(({ id, gpa, pages, hva, flags = 0 }, i) => {
      const at = address + BigInt(offset + (byId ? id : i) * element);
      const named = this.has('kvm_memory_slot', 'id') ? { id } : {};
      this.set('kvm_memory_slot', at, { base_gfn: gpa / PAGE, npages: pages, userspace_addr: hva, flags, ...named });
    });
    const count = byFrame ? 'used_slots' : this.has(struct, 'nmemslots') ? 'nmemslots' : null;
    if (count !== null)
      this.set(struct, address, { [count]: byId ? Math.max(0, ...slots.map(({ id }) => id + 1)) : slots.length });
    if (!byId) this.#places(struct, address, sorted, !byFrame);
  }

  /** Writes id_to_index. Ids without a slot have -1, or (`all`) the index of an empty slot. */
  #places(struct: string, address: bigint, sorted: readonly SlotWish[], all: boolean): void {
    const ids = this.layouts.at(struct, 'id_to_index');
    const places = new Int16Array(ids.type.kind === 'array' ? ids.type.count : 0).fill(-1);
    sorted.forEach(({ id }, i) => {
      places[id] = i;
    });
    const slot = this.layouts.at(struct, 'memslots');
    const element = slot.type.kind === 'array' ? this.layouts.size(slot.type.of) : 0;
    let free = sorted.length;
    for (const [id, place] of places.entries())
      if (all && place < 0) {
        this.set('kvm_memory_slot', address + BigInt(slot.offset + free * element), { id });
        places[id] = free++;
      }
    this.write(address + BigInt(ids.offset), new Uint8Array(places.buffer));
  }

  /** Writes slots as a tree, balanced in shape, and in chains by id. The colours of nodes are wrong; nothing reads them. */
  memslots(slots: readonly SlotWish[], index: 0 | 1 = 1): bigint {
    const sorted = [...slots].sort((a, b) => (a.gpa < b.gpa ? -1 : 1));
    const at = this.offset('kvm_memory_slot', `gfn_node[${index}]`);
    const made: bigint[] = [];
    const build = (from: number, to: number, parent: bigint): bigint => {
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
      if (this.has('kvm_memory_slot', 'hva_node'))
        this.set('kvm_memory_slot', slot, {
          [`hva_node[${index}].start`]: hva,
          [`hva_node[${index}].last`]: hva + pages * PAGE - 1n,
        });
      made.push(slot);
      const node = slot + at;
      this.set('rb_node', node, {
        // Bit 0 is the node's colour.
        __rb_parent_color: parent | 1n,
        rb_left: build(from, middle, node),
        rb_right: build(middle + 1, to, node),
      });
      return node;
    };
    const set = this.make('kvm_memslots', { node_idx: index, 'gfn_tree.rb_node': build(0, sorted.length, 0n) });
    const chain = this.offset('kvm_memory_slot', `id_node[${index}]`);
    for (const [i, slot] of made.entries()) {
      // Some buckets have several slots, as in the kernel; a new one is inserted at the head.
      const head = set + this.offset('kvm_memslots', `id_hash[${(i * 5) % 8}]`);
      const [node, first] = [slot + chain, this.pointer(head)];
      this.set('hlist_node', node, { next: first, pprev: head });
      if (first !== 0n) this.set('hlist_node', first, { pprev: node });
      this.u64(head, node);
    }
    return set;
  }

  /** A process that holds a VM by descriptor 9. */
  vmm(
    pid: number,
    slots: readonly SlotWish[],
    comm = 'qemu-system-x86',
    smm: readonly SlotWish[] = [],
  ): { mm: bigint; tables: PageTables; vm: bigint; task: bigint } {
    const { address: mm, tables } = this.mm();
    const vm = this.vm(mm, slots, smm);
    const task = this.task(pid, comm, mm, this.files({ 9: this.file(this.vmFops, vm, 'kvm-vm') }));
    return { mm, tables, vm, task };
  }
}
