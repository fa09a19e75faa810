// SPDX-License-Identifier: GPL-2.0-or-later
// The VMs of a dump, and samples of addresses of every slot, page size and state of a VM.
import { parseJson } from '../scripts/json.mjs';

/** An address space of a VM. @typedef {{ pid: number, kvm: string, space: number }} Vm */
/** Guest physical addresses, `end` excluded. @typedef {{ start: bigint, end: bigint }} Slot */
/**
 * The members that are read by name of what kvm-vtop --json prints for an address.
 *
 * @typedef {object} Answer
 * @property {string} gpa
 * @property {string | null} hva
 * @property {string | null} hpa
 * @property {string} state
 * @property {string | null} reason
 * @property {number | null} pageSize
 * @property {boolean} protNone
 * @property {{ id: number } | null} [slot]
 */
/**
 * Runs kvm-vtop on the dump, with `input` as its standard input.
 *
 * @typedef {(args: readonly string[], input: string) => { stdout: string, stderr: string }} Ours
 */

const PAGE = 4096n;
/** Most pages of a slot that are translated; of larger slots this number of random ones. */
const MOST_PAGES = 4000;

/** @type {(line: string) => Answer} */
export const parseAnswer = (line) => /** @type {Answer} */ (parseJson(line));

/** Options of kvm-vtop that choose an address space of a VM. @type {(vm: Vm) => string[]} */
export const optionsFor = ({ pid, kvm, space }) => [
  ...['-g', String(pid), '--vm', kvm],
  ...['--address-space', String(space)],
];

/**
 * The VMs of the processes that kvm-vtop lists as holders, each in both address spaces.
 *
 * @param {Ours} ours
 * @returns {Vm[]}
 */
export function vmsOf(ours) {
  const { stderr } = ours(['-p', '0'], '');
  const processes = [...stderr.matchAll(/(\d+) \([^)]*, fd [\d ]+\)/g)].map(([, pid]) => Number(pid));
  return [...new Set(processes)].flatMap((pid) => {
    // No process has this descriptor: the message lists those that exist.
    const { stderr: list } = ours(['-g', String(pid), '--vm', '999999', '-p', '0'], '');
    return [...list.matchAll(/kvm 0x([0-9a-f]+)\s+slots (\d+)(?: \+ (\d+))?/g)].flatMap(([, kvm = '', ...counts]) =>
      [0, 1].flatMap((space) => (Number(counts[space] ?? 0) > 0 ? [{ pid, kvm, space }] : [])),
    );
  });
}

/** Pseudo-random numbers below `end`, the same in every run. @type {(seed: number) => (end: number) => number} */
function dice(seed) {
  let state = seed;
  return (end) => {
    state = (state * 48271) % 0x7fffffff;
    return state % end;
  };
}

/**
 * The slots of each VM, which the extension lists if an address is not in a slot.
 *
 * @param {readonly Vm[]} vms
 * @param {(commands: readonly string[]) => string} crash runs commands in crash
 */
export function slotsOf(vms, crash) {
  const nowhere = vms.map(({ pid, kvm, space }) => `qemu-vtop -g ${pid} -v ${kvm} -s ${space} -p fffffffffffff`);
  const lists = crash(nowhere).split('the slots of this VM:').slice(1);
  return lists.map((list) =>
    [...list.matchAll(/^ +slot \d+ +([0-9a-f]+) - ([0-9a-f]+)/gm)].map(([, first = '', last = '']) => ({
      start: BigInt(`0x${first}`),
      end: BigInt(`0x${last}`) + 1n,
    })),
  );
}

/**
 * The first and the last byte of each slot, and those next to them.
 *
 * @type {(slots: readonly Slot[]) => bigint[]}
 */
const edgesOf = (slots) => slots.flatMap(({ start, end }) => [start, end - 1n, end, start > 0n ? start - 1n : start]);

/**
 * A byte in each page of small slots, and in some pages of large ones.
 *
 * @type {(slots: readonly Slot[]) => bigint[]}
 */
function bytesOf(slots) {
  const roll = dice(11);
  return slots.flatMap(({ start, end }) => {
    const pages = Number(end - start) / Number(PAGE);
    return Array.from({ length: Math.min(MOST_PAGES, pages) }, (_, i) => {
      const page = pages <= MOST_PAGES ? i : roll(pages);
      return start + BigInt(page) * PAGE + BigInt(roll(Number(PAGE)));
    });
  });
}

/** The answers of kvm-vtop. @type {(ours: Ours, vm: Vm, gpas: readonly bigint[]) => Answer[]} */
function ask(ours, vm, gpas) {
  const input = `${gpas.map((gpa) => gpa.toString(16)).join('\n')}\n`;
  const { stdout } = ours([...optionsFor(vm), '--json', '-p', '-'], input);
  return stdout.trim().split('\n').filter(Boolean).map(parseAnswer);
}

/**
 * `count` hexadecimal addresses: the edges of every slot, then equally many of every slot, state and page size.
 *
 * @param {Ours} ours
 * @param {Vm} vm
 * @param {readonly Slot[]} slots
 * @param {number} count
 */
export function addressesOf(ours, vm, slots, count) {
  /** @type {Map<string, bigint[]>} */
  const kinds = new Map();
  for (const { gpa, slot, state, reason, pageSize, protNone } of ask(ours, vm, bytesOf(slots))) {
    const kind = `${slot?.id ?? 'none'} ${state} ${reason} ${pageSize} ${protNone}`;
    kinds.set(kind, [...(kinds.get(kind) ?? []), BigInt(gpa)]);
  }
  const chosen = new Set(edgesOf(slots));
  for (let round = 0; chosen.size < count && round < MOST_PAGES; round++)
    for (const list of kinds.values()) {
      const gpa = list[round];
      if (gpa !== undefined && chosen.size < count) chosen.add(gpa);
    }
  return [...chosen].map((gpa) => gpa.toString(16));
}
