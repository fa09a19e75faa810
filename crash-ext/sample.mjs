// SPDX-License-Identifier: GPL-2.0-or-later
// Which VMs a dump has, and addresses of every slot, page size and state of one.

/** The processes that hold VMs, as kvm-vtop lists them where none is named; each VM in both address spaces. */
export function vmsOf(ours) {
  const { stderr } = ours(['-p', '0'], '');
  const processes = [...stderr.matchAll(/(\d+) \([^)]*, fd [\d ]+\)/g)].map(([, pid]) => Number(pid));
  return [...new Set(processes)].flatMap((pid) => {
    // A descriptor that no process has: the answer lists those that there are.
    const { stderr: list } = ours(['-g', String(pid), '--vm', '999999', '-p', '0'], '');
    return [...list.matchAll(/kvm 0x([0-9a-f]+)\s+slots (\d+)(?: \+ (\d+))?/g)].flatMap(([, kvm, ...counts]) =>
      counts.flatMap((slots, space) => (Number(slots ?? 0) > 0 ? [{ pid, kvm, space }] : [])),
    );
  });
}

const PAGE = 4096n;
/** Numbers below `end`, the same in every run. */
function dice(seed) {
  let state = seed;
  return (end) => {
    state = (state * 48271) % 0x7fffffff;
    return state % end;
  };
}

/** The slots of each VM, as the extension lists them where an address is in none. */
export function slotsOf(vms, crash) {
  const nowhere = vms.map(({ pid, kvm, space }) => `qemu-vtop -g ${pid} -v ${kvm} -s ${space} -p fffffffffffff`);
  const lists = crash(nowhere).split('the slots of this VM:').slice(1);
  return lists.map((list) =>
    [...list.matchAll(/^ +slot \d+ +([0-9a-f]+) - ([0-9a-f]+)/gm)].map(([, first, last]) => ({
      start: BigInt(`0x${first}`),
      end: BigInt(`0x${last}`) + 1n,
    })),
  );
}

/** `count` addresses: edges of every slot, then from every slot, state and page size as many as there are. */
export function addressesOf(ours, vm, slots, count) {
  const args = ['-g', String(vm.pid), '--vm', vm.kvm, '--address-space', String(vm.space), '--json', '-p', '-'];
  const ask = (list) => {
    const { stdout } = ours(args, `${list.map((gpa) => gpa.toString(16)).join('\n')}\n`);
    return stdout
      .trim()
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  };
  const edges = slots.flatMap(({ start, end }) => [start, end - 1n, end, start > 0n ? start - 1n : start]);
  const roll = dice(11);
  const pages = slots.flatMap(({ start, end }) => {
    const size = Number(end - start) / 4096;
    return Array.from({ length: Math.min(4000, size) }, (_, i) => {
      const frame = size <= 4000 ? i : roll(size);
      return start + BigInt(frame) * PAGE + BigInt(roll(4096));
    });
  });
  const kinds = new Map();
  for (const { gpa, slot, state, reason, pageSize, protNone } of ask(pages)) {
    const kind = `${slot?.id} ${state} ${reason} ${pageSize} ${protNone}`;
    kinds.set(kind, [...(kinds.get(kind) ?? []), BigInt(gpa)]);
  }
  const chosen = new Set(edges);
  for (let round = 0; chosen.size < count && round < 4000; round++)
    for (const list of kinds.values()) if (round < list.length && chosen.size < count) chosen.add(list[round]);
  return [...chosen].map((gpa) => gpa.toString(16));
}
