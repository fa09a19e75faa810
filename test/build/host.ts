// SPDX-License-Identifier: Apache-2.0
// What lives on a kernel put together by hand: tasks, files, virtual machines and their memory.
import { SyntheticKernel } from './kernel.js';
import { PAGE, PageTables } from './memory.js';

export type { HostOptions } from './kernel.js';

/** What a slot is made of; addresses in bytes. */
export interface SlotWish {
  readonly id: number;
  readonly gpa: bigint;
  readonly pages: bigint;
  readonly hva: bigint;
  readonly flags?: number;
}

export class SyntheticHost extends SyntheticKernel {
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
    const signal = this.pointer(leader + this.offset('task_struct', 'signal'));
    const tgid = Number(this.pointer(leader + this.offset('task_struct', 'pid')) & 0xffffffffn);
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
    let root = this.pointer(head);
    let shift = root === 0n ? -6n : BigInt(this.byte(root - 2n + this.offset('xa_node', 'shift')));
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
      let next = this.pointer(slot);
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
    const tables = new PageTables(this.memory, this.options.levels ?? 4, this.options.smeMask ?? 0n);
    const pgd = this.allocate(4096, PAGE);
    this.remap(pgd, tables.root);
    return { address: this.make('mm_struct', { mm_users: users, pgd }), tables };
  }

  vm(mm: bigint, slots: readonly SlotWish[], smm: readonly SlotWish[] = []): bigint {
    const kvm = this.make('kvm', { mm, 'memslots[0]': this.memslots(slots), 'memslots[1]': this.memslots(smm) });
    this.append(this.vmList, kvm + this.offset('kvm', 'vm_list'));
    return kvm;
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
}
