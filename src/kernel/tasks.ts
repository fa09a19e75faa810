// SPDX-License-Identifier: Apache-2.0
import { PAGE_SIZE } from '../core/address.js';
import { DumpError, type Lost, orLost, orNull } from '../core/errors.js';
import { LazyBytes } from '../core/lazy-bytes.js';
import { readOf } from '../core/memory.js';
import { type Resolved, resolve } from '../types/fields.js';
import { listFromBothEnds, listLinks } from './containers/list.js';
import { pointerAt } from './containers/pointer.js';
import { usualXaNodes, type XaNodeFields, xaNodes, xarrayEntry } from './containers/xarray.js';
import type { Host } from './host.js';
import { pidInHash } from './pid-hash.js';
import { pidFields, pidNamespaceFields, signalFields, taskFields } from './structs.js';

/** PID_MAX_LIMIT of 64-bit kernels (include/linux/threads.h). */
export const PID_LIMIT = 2 ** 22;

/** A thread, as described by its task_struct. */
export interface Task {
  /** Address of the task_struct. */
  readonly address: bigint;
  /** Thread ID and process ID in the initial pid namespace. */
  readonly pid: number;
  readonly tgid: number;
  /** Name of the thread, one character per byte. Must be cleaned before it is printed. */
  readonly comm: string;
  /** 0 for kernel threads, and for threads that have exited. */
  readonly mm: bigint;
  readonly files: bigint;
  readonly signal: bigint;
}

/** Finds the tasks of a kernel, by pid or address, and lists them. */
export class Tasks {
  readonly #host: Host;
  readonly #at: Resolved<typeof taskFields>;
  /** Whether the user was warned that pids are searched for in the task list. */
  #hasWarned = false;
  /** Whether the nodes of init_pid_ns.idr are known to be as usual. */
  #hasUsualNodes = false;

  constructor(host: Host) {
    this.#host = host;
    this.#at = resolve(host.types, { task: taskFields }).task;
  }

  /** The task with a pid (process or thread) in the initial namespace; null if there is none. Throws `DumpError`. */
  byPid(pid: number): Task | null {
    if (pid <= 0 || pid >= PID_LIMIT) return null;
    try {
      return this.#host.types.member('pid_namespace', 'idr') === null ? this.#byHash(pid) : this.#byIdr(pid);
    } catch (error) {
      if (!(error instanceof DumpError)) throw error;
      if (!this.#hasWarned) this.#host.log.warn(`pid ${pid}: ${error.message}; searching the task list instead`, error);
      this.#hasWarned = true;
      return this.#byList(pid);
    }
  }

  /** The task whose task_struct is at an address; null if a lookup of its pid gives another address. */
  byAddress(address: bigint): Task | null {
    const task = this.#plausible(address);
    if (task === null) return null;
    const known = this.byPid(task.pid);
    return known?.address === address ? task : null;
  }

  /**
   * The leaders of all processes, in the order of the task list. `lost` is called for each that can't be read; without it,
   * throws `DumpError`, as it does for damage of the list itself.
   */
  *leaders(lost?: Lost): Generator<Task> {
    const { memory } = this.#host;
    const head = this.#symbol('init_task') + BigInt(this.#at.tasks.offset);
    for (const link of listFromBothEnds(memory, head, PID_LIMIT, 'task list')) {
      const task = orLost(lost, () => this.#read(link - BigInt(this.#at.tasks.offset)));
      if (task !== null) yield task;
    }
  }

  /** All threads of the process that a task belongs to. */
  *threads(task: Task): Generator<Task> {
    const { signal } = resolve(this.#host.types, { signal: signalFields });
    const { threadNode, threadGroup } = this.#at;
    const isList = threadNode !== null && signal.threadHead !== null;
    const link = isList ? threadNode : threadGroup;
    if (link === null)
      throw new DumpError("type information lacks the members that lead to a process's threads", {
        code: 'no-types',
      });
    const head = isList ? task.signal + BigInt(signal.threadHead.offset) : task.address + BigInt(link.offset);
    // The ring has no head: it leads from each thread to the others.
    if (!isList) yield task;
    for (const at of listLinks(this.#host.memory, head, PID_LIMIT, `threads of pid ${task.tgid}`))
      yield this.#read(at - BigInt(link.offset));
  }

  /** The task itself, or if it has exited, a thread of its process that still has files: a leader may exit first. */
  alive(task: Task): Task {
    if (task.files !== 0n || task.signal === 0n) return task;
    for (const thread of this.threads(task)) if (thread.files !== 0n) return thread;
    return task;
  }

  /** Looks up a pid in init_pid_ns.idr, an XArray of struct pid (kernel/pid.c, find_pid_ns). */
  #byIdr(pid: number): Task | null {
    const { memory, types } = this.#host;
    const { namespace } = resolve(types, { namespace: pidNamespaceFields });
    const address = this.#symbol('init_pid_ns');
    const init = readOf(memory, address, namespace.bytes, 'init_pid_ns');
    const index = pid - (namespace.base === null ? 0 : init.u32(namespace.base.offset));
    if (index < 0) return null;
    const head = init.u64(namespace.root.offset);
    const inIdr = (nodes: XaNodeFields): Task | null => {
      const entry = xarrayEntry(memory, nodes, head, BigInt(index));
      return entry === 0n ? null : this.#ofPid(entry, pid);
    };
    const usual = usualXaNodes();
    if (this.#hasUsualNodes) return inIdr(usual);
    const found = orNull(() => inIdr(usual));
    // The task that was found has this pid, so the nodes that led to it are as usual: the next answer can also be that there is none.
    this.#hasUsualNodes = found !== null && usual.nodeOf(head, null) !== null;
    return found ?? inIdr(xaNodes(types));
  }

  /** Looks up a pid in pid_hash, a hash table of struct upid (kernel/pid.c up to 4.14, find_pid_ns). */
  #byHash(pid: number): Task | null {
    const found = pidInHash(this.#host, pid, this.#symbol('init_pid_ns'));
    return found === null ? null : this.#ofPid(found, pid);
  }

  /** The task of a struct pid. */
  #ofPid(entry: bigint, pid: number): Task | null {
    const { memory, types } = this.#host;
    const { pids } = resolve(types, { pids: pidFields });
    // pid.tasks[PIDTYPE_PID] is the first hlist_head; its node is in the task. A pid may outlive its task.
    const link = pointerAt(memory, entry + BigInt(pids.tasks.offset), `struct pid of ${pid}`);
    if (link === 0n) return null;
    const task = this.#read(link - BigInt(this.#at.pidLinks.offset));
    if (task.pid !== pid)
      throw new DumpError(`task_struct at 0x${task.address.toString(16)} has pid ${task.pid}, not ${pid}`);
    return task;
  }

  /** Searches the task list. Throws `DumpError` if the pid is not found and a part of the list can't be read. */
  #byList(pid: number): Task | null {
    let trouble: DumpError | null = null;
    for (const leader of this.leaders()) {
      if (leader.pid === pid) return leader;
      try {
        for (const thread of this.threads(leader)) if (thread.pid === pid) return thread;
      } catch (error) {
        if (!(error instanceof DumpError)) throw error;
        trouble ??= error;
      }
    }
    if (trouble !== null) throw trouble;
    return null;
  }

  #plausible(address: bigint): Task | null {
    return orNull(() => this.#read(address));
  }

  #read(address: bigint): Task {
    const at = this.#at;
    const bytes = LazyBytes.of(this.#host.memory, address, at.bytes, 'task_struct');
    const task = {
      address,
      pid: bytes.u32(at.pid.offset),
      tgid: bytes.u32(at.tgid.offset),
      comm: bytes.text(at.comm.offset, at.comm.size),
      mm: bytes.u64(at.mm.offset),
      files: bytes.u64(at.files.offset),
      signal: bytes.u64(at.signal.offset),
    };
    for (const member of ['pid', 'tgid'] as const)
      if (task[member] < 1 || task[member] >= PID_LIMIT)
        throw bytes.error(at[member].offset, `${member} of a task can't be ${task[member]}`);
    // It stays until the task is removed from all lists (kernel/exit.c, release_task).
    if (task.signal === 0n) throw bytes.error(at.signal.offset, "signal of a task can't be 0");
    if (task.comm === '' && this.#isPageOfZeros(address)) throw bytes.error(at.comm.offset, 'a page of zeros');
    return task;
  }

  /** Whether the page with the name of a task has only zeros, as far as it belongs to the task. */
  #isPageOfZeros(address: bigint): boolean {
    const { comm, bytes: size } = this.#at;
    const name = address + BigInt(comm.offset);
    const page = name - (name % BigInt(PAGE_SIZE));
    const [start, end] = [page > address ? page : address, page + BigInt(PAGE_SIZE)];
    const length = Number((end < address + BigInt(size) ? end : address + BigInt(size)) - start);
    return readOf(this.#host.memory, start, length, 'task_struct')
      .array()
      .every((byte) => byte === 0);
  }

  #symbol(name: string): bigint {
    const address = this.#host.symbols.get(name);
    if (address === undefined) throw new DumpError(`the kernel's symbols lack ${name}`, { code: 'no-symbols' });
    return address;
  }
}
