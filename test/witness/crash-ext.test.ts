// SPDX-License-Identifier: Apache-2.0
// The walker of the extension for crash, as a separate program on the pages of the fixtures. It is written in another
// language and shares no code with src/.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import { perform } from '../../src/commands/perform.js';
import { requestFor } from '../../src/commands/vtop.js';
import { silentLog } from '../../src/core/log.js';
import type { Host } from '../../src/kernel/host.js';
import { Swap } from '../../src/kernel/swap.js';
import { selectVm } from '../../src/kvm/select.js';
import { openDump } from '../../src/open.js';
import { kept } from '../build/altered.js';
import { SyntheticHost } from '../build/host.js';
import { PAGE, protNone, swapEntry } from '../build/memory.js';
import { ERAS } from '../build/old-kernels.js';
import { contentsOf } from '../build/recoded.js';
import { HVA } from '../build/translators.js';
import { gcc, needing } from '../needs.js';
import { FIXTURES, fixtures, kvmVtop, ROOT } from '../run.js';

const folder = mkdtempSync(join(tmpdir(), 'kvm-vtop-crash-ext-'));
const program = join(folder, 'walk-test');

/** Compiles the C sources, with sanitizers that detect invalid reads. */
function build(): void {
  const sources = ['walk-test.c', 'walk.c', 'memslots.c', 'memslots-tree.c', 'attributes.c', 'translate.c', 'json.c'];
  const flags = ['-std=gnu11', '-O1', '-g', '-Wall', '-Wextra', '-Wshadow', '-Werror', '-fsanitize=address,undefined'];
  const paths = sources.map((name) => join(ROOT, 'crash-ext', name));
  const run = spawnSync('gcc', [...flags, '-o', program, ...paths], { encoding: 'utf8' });
  if (run.status !== 0) throw new Error(run.stderr);
}

/** The kinds in the order of enum kvt_kind. */
const KINDS = [
  'unknown',
  'swap',
  'migration',
  'hwpoison',
  'device-private',
  'device-exclusive',
  'marker',
  'swapin-error',
] as const;

function layoutOf(host: Host): string {
  const { types, memory, info } = host;
  const at = (struct: string, path: string) => types.member(struct, path)?.offset ?? -1;
  const slot = (path: string) => types.member('kvm_memory_slot', path);
  const inline = types.member('kvm', 'memslots')?.kind === 'struct';
  const set = inline ? 'kvm' : 'kvm_memslots';
  const room = types.member(set, 'memslots')?.count ?? 0;
  const numbers: Record<string, number | bigint> = {
    kernel_root: BigInt(memory.root) * 4096n,
    kvm_mm: at('kvm', 'mm'),
    kvm_memslots: inline ? -1 : at('kvm', 'memslots'),
    spaces: inline ? 1 : (types.member('kvm', 'memslots')?.count ?? 1),
    set_tree: at(set, 'gfn_tree.rb_node'),
    set_index: at(set, 'node_idx'),
    set_used: at(set, 'used_slots'),
    set_filled: at(set, 'nmemslots'),
    set_slots: at(set, 'memslots'),
    kvm_pages: at('kvm', 'nr_memslot_pages'),
    set_ids: at(set, 'id_to_index'),
    set_ids_count: types.member(set, 'id_to_index')?.count ?? -1,
    set_ids_size: types.member(set, 'id_to_index')?.element ?? -1,
    set_room: Math.max(room, types.member(set, 'id_to_index')?.count ?? 0),
    slot_size: types.sizeOf('kvm_memory_slot') ?? -1,
    slot_base_gfn: at('kvm_memory_slot', 'base_gfn'),
    slot_npages: at('kvm_memory_slot', 'npages'),
    slot_userspace_addr: at('kvm_memory_slot', 'userspace_addr'),
    slot_flags: at('kvm_memory_slot', 'flags'),
    slot_flags_size: slot('flags')?.size ?? -1,
    slot_id: at('kvm_memory_slot', 'id'),
    slot_id_size: slot('id')?.size ?? -1,
    slot_gmem: at('kvm_memory_slot', 'gmem'),
    slot_node: at('kvm_memory_slot', 'gfn_node'),
    slot_node_size: slot('gfn_node')?.element ?? -1,
    slot_hva_node: at('kvm_memory_slot', 'hva_node'),
    slot_hva_node_size: slot('hva_node')?.element ?? -1,
    interval_start: at('interval_tree_node', 'start'),
    interval_last: at('interval_tree_node', 'last'),
    rb_parent: at('rb_node', '__rb_parent_color'),
    rb_left: at('rb_node', 'rb_left'),
    rb_right: at('rb_node', 'rb_right'),
    kvm_attributes: at('kvm', 'mem_attr_array.xa_head'),
    xa_shift: at('xa_node', 'shift'),
    xa_slots: at('xa_node', 'slots'),
    mm_pgd: at('mm_struct', 'pgd'),
    mm_users: at('mm_struct', 'mm_users'),
    levels: memory.form.levels,
    sme_mask: 0,
    physmem_bits: info.number('MAX_PHYSMEM_BITS') ?? (memory.form.levels === 5 ? 52 : 46),
    swap_late: lateOf(new Swap(host)),
  };
  return [...Object.entries(numbers).map(([name, value]) => `${name} ${value}`), ...swapOf(host), ''].join('\n');
}

const lateOf = ({ late }: Swap): number => (late === null ? -1 : Number(late));

function swapOf(host: Host): string[] {
  const swap = new Swap(host);
  return Array.from({ length: 32 }, (_, type) => {
    const kind = swap.kindOf(type, 0);
    let pages = 0;
    for (let step = 2 ** 40; kind === 'swap' && step >= 1; step /= 2)
      if (swap.kindOf(type, pages + step - 1) === 'swap') pages += step;
    return `kind ${type} ${KINDS.indexOf(kind)}\nswap ${type} ${pages}`;
  });
}

function pagesFile(pages: ReadonlyMap<number, Buffer>): string {
  const path = join(folder, 'pages');
  const parts = [...pages].flatMap(([frame, bytes]) => {
    const number = Buffer.alloc(8);
    number.writeBigUInt64LE(BigInt(frame));
    return [number, bytes];
  });
  writeFileSync(path, Buffer.concat(parts));
  return path;
}

const pagesOf = (host: SyntheticHost): Map<number, Buffer> =>
  new Map([...host.memory.frames].sort(([a], [b]) => a - b).map(([frame, page]) => [frame, Buffer.from(page)]));

interface Question {
  readonly process: string;
  readonly vm: string | null;
  readonly addressSpace: number;
  readonly cases: readonly { readonly gpa: string }[];
}

/**
 * A line of JSON without the message and what the walker does not know: names of swap devices, why a page is missing, and
 * what caches of the kernel have of a page that is not mapped.
 */
const comparable = (line: string): string =>
  line
    .replace(
      /("reason":")(?:in-page-cache|shmem-swapped|page-cache-unreadable)"(.*)"swap":.*/,
      '$1empty-entry"$2"swap":null}',
    )
    .replace(/("reason":"(?:empty-entry|swap-entry|gmem-private|gmem-only)".*"frame":)[^,]*/, '$1null')
    .replace(/"device":"[^"]*"/, '"device":null')
    .replace(/("reason":"table-)[a-z-]+"/, '$1"')
    .replace(/"message":"[^"]*"/, '"message":""');

needing(gcc).describe('the walker in C', () => {
  beforeAll(build);

  test.each(fixtures())('%s: every line of JSON is equal', async (name) => {
    const dump = join(FIXTURES, name, 'vmcore.kdump');
    const { questions } = JSON.parse(readFileSync(join(FIXTURES, name, 'facts.json'), 'utf8')) as {
      questions: Question[];
    };
    const { pages } = await contentsOf(dump);
    const pagesPath = pagesFile(pages);
    const { host, close } = await openDump(dump, { log: silentLog });
    const layout = join(folder, 'layout');
    writeFileSync(layout, layoutOf(host));
    for (const { process, vm, addressSpace, cases } of questions) {
      const { pid, fd, vm: chosen } = selectVm(host, process, vm);
      // Also addresses that are in no slot.
      const asked = [...cases.map(({ gpa }) => gpa.replace('0x', '')), '7000000000', 'fffffffffffff', '10000000000000'];
      const choice = vm === null ? [] : ['--vm', vm];
      const options = ['-g', process, ...choice, '--address-space', String(addressSpace), '-p', '-', '--json'];
      const ours = kvmVtop(['-c', dump, ...options], `${asked.join('\n')}\n`).stdout;
      const args = [
        layout,
        pagesPath,
        chosen.address.toString(16),
        String(addressSpace),
        String(pid),
        String(fd ?? -1),
      ];
      const run = spawnSync(program, args, { input: `${asked.join('\n')}\n`, encoding: 'utf8', maxBuffer: 2 ** 28 });
      expect(run.stderr).toBe('');
      expect(run.stdout.split('\n').map(comparable)).toEqual(ours.split('\n').map(comparable));
    }
    close();
  });

  test.each(Object.entries(ERAS))('structures of %s', async (_name, { options, spaces, swap }) => {
    const host = new SyntheticHost({ ...options, noBtf: false });
    for (let type = 0; type < (options.swapFiles ?? 24); type++) host.swapArea(type, 0x1000);
    const { tables, vm } = host.vmm(
      191,
      [
        { id: 0, gpa: 0n, pages: 0xa0n, hva: HVA },
        { id: 3, gpa: 0x100000n, pages: 0x10000n, hva: HVA + 0x100000n },
        { id: 33, gpa: 0x100000000n, pages: 2n, hva: HVA + 0x80000000n },
      ],
      'qemu-kvm',
      spaces === 2 ? [{ id: 5, gpa: 0x30000n, pages: 1n, hva: HVA + 0xa0000000n }] : [],
    );
    for (const [page, frame] of [
      [0n, 0x111],
      [0x100000n, 0x222],
      [0x80001000n, 0x333],
      [0xa0000000n, 0x555],
    ] as const)
      tables.map(HVA + page, frame);
    tables.set(HVA + 0x1000n, 0, swap === 'inverted' ? protNone(0x666) : 0x666166n);
    // Entries of every form, for a real swap area and for special types; their meaning depends on the era.
    const raw = [swapEntry(2, 0x77n), swapEntry(options.swapFiles ?? 24, 0x888n), (2n << 1n) | (0x77n << 9n)];
    raw.push(
      (2n << 9n) | (0x77n << 14n),
      (30n << 9n) | (0x99n << 14n),
      (30n << 1n) | (0x99n << 9n),
      0x40n | (5n << 20n),
    );
    for (const [i, entry] of raw.entries()) tables.set(HVA + BigInt(2 + i) * PAGE, 0, entry);
    const opened = host.open();
    const layout = join(folder, 'layout');
    writeFileSync(layout, layoutOf(opened));
    const pages = pagesOf(host);
    const addresses = ['0', '9ffff', 'a0000', '100840', '100001008', '30010', '777000', 'fffffffffffff'];
    const asked = [...addresses, ...['1', ...raw.map((_, i) => (2 + i).toString(16))].map((page) => `${page}123`)];
    for (let space = 0; space < spaces; space++) {
      const streams = kept();
      const request = requestFor({ process: '191', vm: null, addressSpace: space, addresses: asked });
      await perform(request, { host: opened }, 'json', streams);
      const { fd } = selectVm(opened, '191', null);
      const args = [layout, pagesFile(pages), vm.toString(16), String(space), '191', String(fd ?? -1)];
      const run = spawnSync(program, args, { input: `${asked.join('\n')}\n`, encoding: 'utf8' });
      expect(run.stderr).toBe('');
      expect(run.stdout.split('\n').map(comparable)).toEqual(streams.out.join('').split('\n').map(comparable));
    }
  });

  test.each(['5.17 and later', ...Object.keys(ERAS)])(
    '%s: slots on a page of zeros are not reported as no slots',
    (name) => {
      const host = new SyntheticHost({ ...ERAS[name]?.options, noBtf: false });
      const { vm } = host.vmm(191, [{ id: 0, gpa: 0n, pages: 0xa0n, hva: HVA }]);
      if (host.has('kvm', 'nmemslots')) host.set('kvm', vm, { nmemslots: 0 });
      else {
        const set = host.pointer(vm + host.offset('kvm', 'memslots'));
        host.write(set, new Uint8Array(host.layouts.size('kvm_memslots')));
      }
      const layout = join(folder, 'layout');
      writeFileSync(layout, layoutOf(host.open()));
      const args = [layout, pagesFile(pagesOf(host)), vm.toString(16), '0', '191', '9'];
      const run = spawnSync(program, args, { input: '0\n', encoding: 'utf8' });
      expect(run.stdout + run.stderr).toMatch(/"state":"slots-missing"|id_to_index at 0x[0-9a-f]+: only zeros/);
      expect(run.stdout).not.toContain('no-memslot');
    },
  );

  test.each([
    ['base_gfn of a slot below the others', 1, { base_gfn: 0x30000n }],
    ['base_gfn of a slot above the others', 2, { base_gfn: 0n }],
    ['userspace_addr', 1, { userspace_addr: HVA + PAGE }],
    ['npages', 2, { npages: 3n }],
    ['id', 1, { id: 0n }],
  ])('a changed %s is refused with the same words', (_name, id, values) => {
    const host = new SyntheticHost();
    const slots = [0n, 0x10000n, 0x20000n].map((frame, i) => ({ id: i, gpa: frame * PAGE, pages: 2n, hva: HVA }));
    const { vm } = host.vmm(191, slots);
    const set = host.pointer(vm + host.offset('kvm', 'memslots'));
    const root = host.pointer(set + host.offset('kvm_memslots', 'gfn_tree.rb_node'));
    const node = id === 1 ? root : host.pointer(root + host.offset('rb_node', 'rb_right'));
    host.set('kvm_memory_slot', node - host.offset('kvm_memory_slot', 'gfn_node[1]'), values);
    const opened = host.open();
    const layout = join(folder, 'layout');
    writeFileSync(layout, layoutOf(opened));
    const args = [layout, pagesFile(pagesOf(host)), vm.toString(16), '0', '191', '9'];
    const run = spawnSync(program, args, { input: '0\n', encoding: 'utf8' });
    expect([run.status, run.stdout]).toEqual([1, '']);
    const damage = /(?:two )?memslots? .*/.exec(run.stderr)?.[0];
    expect(damage).toMatch(/the dump is damaged there$/);
    expect(() => selectVm(opened, '191', null).vm.slots(0)).toThrow(damage);
  });

  test('reads nothing out of bounds, whatever the pages contain', async () => {
    const name = 'debian-6.12';
    const { pages } = await contentsOf(join(FIXTURES, name, 'vmcore.kdump'));
    const { host, close } = await openDump(join(FIXTURES, name, 'vmcore.kdump'), { log: silentLog });
    const layout = join(folder, 'layout');
    writeFileSync(layout, layoutOf(host));
    const { pid, vm } = selectVm(host, '182', null);
    close();
    const input = Array.from({ length: 200 }, (_, i) => (i * 0x57840).toString(16)).join('\n');
    const outcomes = new Set<number | null>();
    let state = 1;
    const roll = (end: number) => {
      state = (state * 48271) % 0x7fffffff;
      return state % end;
    };
    const frames = [...pages.keys()];
    for (let mutant = 0; mutant < 60; mutant++) {
      const changed = new Map([...pages].map(([frame, page]) => [frame, page]));
      for (let i = 0; i < 400; i++) {
        const frame = frames[roll(frames.length)] as number;
        const page = Buffer.from(changed.get(frame) as Buffer);
        page.writeUInt8(roll(256), roll(4096));
        changed.set(frame, page);
      }
      const args = [layout, pagesFile(changed), vm.address.toString(16), '0', String(pid), '-1'];
      const run = spawnSync(program, args, {
        input: `${input}\n`,
        encoding: 'utf8',
        timeout: 20_000,
        env: { ...process.env, ASAN_OPTIONS: 'exitcode=99', UBSAN_OPTIONS: 'halt_on_error=1:exitcode=98' },
      });
      expect(run.stderr).not.toMatch(/Sanitizer|runtime error/);
      outcomes.add(run.status);
    }
    expect([...outcomes].every((status) => status === 0 || status === 1)).toBe(true);
  });
});
