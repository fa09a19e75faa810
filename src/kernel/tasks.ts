// SPDX-License-Identifier: Apache-2.0
import { DumpError, orNull } from '../core/errors.js';
import { LazyBytes } from '../core/lazy-bytes.js';
import { readOf } from '../core/memory.js';
import { type Resolved, resolve } from '../types/fields.js';
import { listFromBothEnds, listLinks } from './containers/list.js';
import { pointerAt } from './containers/pointer.js';
import { xaNodes, xarrayEntry } from './containers/xarray.js';
import type { Host } from './host.js';
import { pidInHash } from './pid-hash.js';
import { pidFields, pidNamespaceFields, signalFields, taskFields } from './structs.js';

/** PID_MAX_LIMIT of 64-bit kernels (include/linux/threads.h). */
export const PID_LIMIT = 2 ** 22;

/** A thread as struct task_struct tells of it. */
export interface Task {
  readonly address: bigint;
  /** Its own id, and its process's, as the initial namespace numbers them. */
  readonly pid: number;
  readonly tgid: number;
  /** Bytes of the thread's name, one character each: not to be printed as they are. */
  readonly comm: string;
  /** 0 for kernel threads and those that have exited. */
  readonly mm: bigint;
  readonly files: bigint;
  readonly signal: bigint;
}

/** The tasks of a kernel: by pid, by address, all of them. */
export class Tasks {
  readonly #host: Host;
  readonly #at: Resolved<typeof taskFields>;
  /** Whether the user knows that pids are looked up the long way. */
  #told = false;

  constructor(host: Host) {
    this.#host = host;
    this.#at = resolve(host.types, { task: taskFields }).task;
  }

  /** The task of a pid, process or thread, of the initial namespace; null when there is none. */
  byPid(pid: number): Task | null {
    if (pid <= 0 || pid >= PID_LIMIT) return null;
    try {
      return this.#host.types.member('pid_namespace', 'idr') === null ? this.#byHash(pid) : this.#byIdr(pid);
    } catch (error) {
      if (!(error instanceof DumpError)) throw error;
      if (!this.#told)
        this.#host.log.warn(`pid ${pid}: ${error.message}; looking through the task list instead`, error);
      this.#told = true;
      return this.#byList(pid);
    }
  }

  /** The task whose task_struct is at this address; null when nothing says that there is one. */
  byAddress(address: bigint): Task | null {
    const task = this.#plausible(address);
    if (task === null) return null;
    const known = this.byPid(task.pid);
    return known?.address === address ? task : null;
  }

  /** Every process's leader, in the list's order. */
  *leaders(): Generator<Task> {
    const { memory } = this.#host;
    const head = this.#symbol('init_task') + BigInt(this.#at.tasks.offset);
    for (const link of listFromBothEnds(memory, head, PID_LIMIT, 'task list'))
      yield this.#read(link - BigInt(this.#at.tasks.offset));
  }

  /** The threads of a task's process. */
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
    // The ring has no head of its own: it leads from a thread to the others.
    if (!isList) yield task;
    for (const at of listLinks(this.#host.memory, head, PID_LIMIT, `threads of pid ${task.tgid}`))
      yield this.#read(at - BigInt(link.offset));
  }

  /** A thread of the process that still has files and memory: its leader can have exited before the others. */
  alive(task: Task): Task {
    if (task.files !== 0n || task.signal === 0n) return task;
    for (const thread of this.threads(task)) if (thread.files !== 0n) return thread;
    return task;
  }

  /** init_pid_ns.idr, an XArray of struct pid (kernel/pid.c, find_pid_ns). */
  #byIdr(pid: number): Task | null {
    const { memory, types } = this.#host;
    const { namespace } = resolve(types, { namespace: pidNamespaceFields });
    const address = this.#symbol('init_pid_ns');
    const init = readOf(memory, address, namespace.bytes, 'init_pid_ns');
    const index = pid - (namespace.base === null ? 0 : init.u32(namespace.base.offset));
    if (index < 0) return null;
    const entry = xarrayEntry(memory, xaNodes(types), init.u64(namespace.root.offset), BigInt(index));
    return entry === 0n ? null : this.#ofPid(entry, pid);
  }

  /** pid_hash, the table of struct upid by number and namespace (kernel/pid.c up to 4.14, find_pid_ns). */
  #byHash(pid: number): Task | null {
    const found = pidInHash(this.#host, pid, this.#symbol('init_pid_ns'));
    return found === null ? null : this.#ofPid(found, pid);
  }

  /** The task of a struct pid. */
  #ofPid(entry: bigint, pid: number): Task | null {
    const { memory, types } = this.#host;
    const { pids } = resolve(types, { pids: pidFields });
    // pid.tasks[PIDTYPE_PID] is the first hlist_head; its node lies in the task. A pid can outlive its task.
    const link = pointerAt(memory, entry + BigInt(pids.tasks.offset), `struct pid of ${pid}`);
    if (link === 0n) return null;
    const task = this.#read(link - BigInt(this.#at.pidLinks.offset));
    if (task.pid !== pid)
      throw new DumpError(`task_struct at 0x${task.address.toString(16)} has pid ${task.pid}, ${pid} was looked for`);
    return task;
  }

  /** Throws `DumpError` when it is not found, and not all could be looked at. */
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
    return {
      address,
      pid: bytes.u32(at.pid.offset),
      tgid: bytes.u32(at.tgid.offset),
      comm: bytes.text(at.comm.offset, at.comm.size),
      mm: bytes.u64(at.mm.offset),
      files: bytes.u64(at.files.offset),
      signal: bytes.u64(at.signal.offset),
    };
  }

  #symbol(name: string): bigint {
    const address = this.#host.symbols.get(name);
    if (address === undefined) throw new DumpError(`the kernel's symbols lack ${name}`, { code: 'no-symbols' });
    return address;
  }
}
