// SPDX-License-Identifier: Apache-2.0
// What a kernel said of its symbols and types in an earlier run: the answers are the same, and what was not asked is read.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { gfn } from '../../../src/core/address.js';
import { type Log, silentLog } from '../../../src/core/log.js';
import { DumpRecord } from '../../../src/debuginfo/dump-record.js';
import type { Host } from '../../../src/kernel/host.js';
import { KVM_NEEDS } from '../../../src/kvm/needs.js';
import { selectVm } from '../../../src/kvm/select.js';
import { openHostWith } from '../../../src/opening/open-host.js';
import { nothingBeside } from '../../../src/opening/outside.js';
import { GuestTranslator } from '../../../src/translate/translator.js';
import { damage } from '../../build/damage.js';
import { type HostOptions, SyntheticHost } from '../../build/host.js';
import { scratch } from '../../build/scratch.js';

const SLOT = { id: 0, gpa: 0x34de0000n, pages: 16n, hva: 0x7f0000000000n };
const { folder } = scratch('kept');
let home = '';
let count = 0;
beforeEach(() => {
  home = join(folder, String(count++));
  process.env.XDG_CACHE_HOME = home;
  delete process.env.KVM_VTOP_CACHE;
});

/** The files that are kept. */
const files = (): string[] => {
  try {
    return readdirSync(join(home, 'kvm-vtop', 'dumps')).map((name) => join(home, 'kvm-vtop', 'dumps', name));
  } catch {
    return [];
  }
};

/** A dump that is opened again and again. */
class Dump {
  readonly host: SyntheticHost;
  /** Whether a run has asked what other dumps have said. */
  hintsWereAsked = false;

  constructor(options: HostOptions = {}) {
    this.host = new SyntheticHost(options);
    this.host.vmm(191, [SLOT]).tables.map(SLOT.hva + 0x5000n, 0x611de);
  }

  /** A run: opens it, does something, and keeps what was learned. `program`: the build of the program; null keeps nothing. */
  async run<T>(
    work: (host: Host) => T,
    program: string | null = 'build 1',
    log: Log = silentLog,
    vmcoreinfo = `${this.host.vmcoreinfo()}CRASHTIME=1700000000\n`,
  ): Promise<T> {
    const image = this.host.image();
    Object.defineProperty(image.reader, 'vmcoreinfo', { value: { text: () => vmcoreinfo } });
    let record: DumpRecord | null = null;
    const builds = {
      btf: () => null,
      hints: () => {
        this.hintsWereAsked = true;
        return null;
      },
      answers: (kernel: Parameters<typeof DumpRecord.of>[0]) => {
        record = program === null ? null : DumpRecord.of(kernel, 'file 1', program);
        return record?.answers ?? null;
      },
    };
    const opened = await openHostWith(image, image, { log, needs: KVM_NEEDS, outside: nothingBeside, builds });
    try {
      return work(opened);
    } finally {
      (record as DumpRecord | null)?.save(log);
    }
  }
}

/** Translates one page, from the process's pid to the frame. */
function translated(host: Host): unknown {
  const translator = new GuestTranslator(selectVm(host, '191', null).vm, 0);
  translator.translate(gfn(0x34de5), 0x840);
  return { state: translator.state, frame: translator.frame, types: host.types.source };
}

const FORMS: readonly (readonly [string, HostOptions])[] = [
  ['the types of vmlinux', {}],
  ['the types of module kvm', { splitBtf: true }],
  ['kallsyms found by a scan', { silent: true, ballast: 1000 }],
  ['KVM built in', { kvm: 'built in' }],
];

describe.each(FORMS)('%s', (_name, options) => {
  test('a second run answers the same', async () => {
    const dump = new Dump(options);
    const right = await dump.run(translated, null);
    expect(right).toMatchObject({ state: 'mapped', frame: 0x611de });
    for (let i = 0; i < 3; i++) expect(await dump.run(translated)).toEqual(right);
    expect(files()).toHaveLength(1);
  });

  test('what is kept is not read again, and what is not kept is', async () => {
    const dump = new Dump(options);
    const right = await dump.run(translated);
    const asked = (host: Host): unknown => [
      host.types.sizeOf('rb_root'),
      host.types.member('rb_root', 'no such member'),
      host.types.sizeOf('no such structure'),
      host.symbols.get('no_such_symbol'),
    ];
    const more = await dump.run(asked, null);
    expect(await dump.run(asked)).toEqual(more);
    const { memory } = dump.host;
    const symbols = await dump.run((host) => ['__start_BTF', '_stext'].map((name) => host.symbols.get(name)));
    // Without the BTF of vmlinux.
    const start = symbols[0] as bigint;
    const page = await dump.run((host) => host.memory.frameOf(start));
    memory.frames.delete(page as never);
    expect(await dump.run(translated)).toEqual(right);
    expect(await dump.run(asked)).toEqual(more);
    await expect(dump.run((host) => host.types.sizeOf('another structure'))).rejects.toThrow();
    await expect(dump.run(translated, null)).rejects.toThrow();
  });
});

test('is used by the same build of the program alone', async () => {
  const dump = new Dump();
  await dump.run(translated);
  await dump.run(translated, 'build 2');
  expect(files()).toHaveLength(2);
});

test('nothing is kept of a kernel that has not crashed', async () => {
  const dump = new Dump();
  const right = await dump.run(translated);
  expect(files()).toHaveLength(1);
  const running = new Dump();
  const text = running.host.vmcoreinfo();
  for (let i = 0; i < 2; i++) expect(await running.run(translated, 'build 2', silentLog, text)).toEqual(right);
  expect(files()).toHaveLength(1);
});

test('what other dumps of the build have said has no part in what is kept', async () => {
  const dump = new Dump();
  for (let i = 0; i < 2; i++) await dump.run(translated);
  expect(dump.hintsWereAsked).toBe(false);
  await dump.run(translated, null);
  expect(dump.hintsWereAsked).toBe(true);
});

test('what is not a record is not used', async () => {
  const dump = new Dump();
  const right = await dump.run(translated);
  const [path] = files() as [string];
  const [head = ''] = readFileSync(path, 'utf8').split('\n');
  for (const text of [
    'null',
    '[]',
    '{}',
    '7',
    '{"kallsyms":5}',
    '{"kallsyms":"x"}',
    '{"kallsyms":[]}',
    '{"":null}',
    '{',
  ]) {
    writeFileSync(path, `${head}\n${text}\n${text}\n`, { mode: 0o600 });
    expect(await dump.run(translated)).toEqual(right);
  }
});

test('a warning about types is given in each run', async () => {
  const dump = new Dump({ splitBtf: true, vmlinuxTypes: new SyntheticHost().typesText() });
  dump.host.image();
  const { host } = dump;
  const entry = host.pointer(host.at('btf_modules')) - host.offset('btf_module', 'list');
  const btf = host.pointer(entry + host.offset('btf_module', 'btf'));
  host.u64(host.pointer(btf + host.offset('btf', 'data')), 0x1234n);
  for (let i = 0; i < 2; i++) {
    const said: string[] = [];
    await dump.run(translated, 'build 1', { ...silentLog, warn: (text) => said.push(text) });
    expect(said.join()).toMatch(/types: taken from vmlinux only: .*BTF/);
  }
  expect(files()).toEqual([]);
});

test('a module whose types turn out to be damaged is no longer named as their source', async () => {
  const dump = new Dump({ splitBtf: true, vmlinuxTypes: new SyntheticHost().typesText() });
  const named = (host: Host): string => host.types.source;
  await dump.run(named);
  expect(files()).toHaveLength(1);
  const { host } = dump;
  const entry = host.pointer(host.at('btf_modules')) - host.offset('btf_module', 'list');
  const btf = host.pointer(entry + host.offset('btf_module', 'btf'));
  host.u64(host.pointer(btf + host.offset('btf', 'data')), 0x1234n);
  const after = (opened: Host): string => {
    opened.types.sizeOf('a structure that was not asked for');
    return opened.types.source;
  };
  expect(await dump.run(named)).toMatch(/of module kvm$/);
  expect(await dump.run(after)).toBe('BTF of vmlinux');
});

/** Changes all values in a file in the same way, in both copies. */
function change(path: string, to: (value: unknown) => unknown): void {
  const [head = '', first = ''] = readFileSync(path, 'utf8').split('\n');
  const parts = JSON.parse(first) as Record<string, Record<string, unknown>>;
  for (const answers of Object.values(parts))
    for (const [question, value] of Object.entries(answers)) answers[question] = to(value);
  const text = JSON.stringify(parts);
  writeFileSync(path, `${head}\n${text}\n${text}\n`, { mode: 0o600 });
}

test.each<readonly [string, (value: unknown) => unknown]>([
  ['true', () => true],
  ['an empty list', () => []],
  ['an object', () => ({ a: 1 })],
  ['lists cut off', (value) => (Array.isArray(value) ? value.slice(0, -1) : true)],
  ['lists of texts', (value) => (Array.isArray(value) ? value.map(String) : false)],
  ['addresses that are too long', (value) => (typeof value === 'string' ? `${value}00000000000000000` : false)],
])('what can not be an answer is asked again: %s', async (_name, to) => {
  const dump = new Dump();
  const right = await dump.run(translated);
  const [path] = files() as [string];
  change(path, (value) => (typeof value === 'string' && !value.startsWith('0x') ? value : to(value)));
  expect(await dump.run(translated)).toEqual(right);
});

test('whatever is changed in a file, but not in both copies, the answers are right', async () => {
  const dump = new Dump({ splitBtf: true });
  const right = await dump.run(translated);
  const [path] = files() as [string];
  const whole = readFileSync(path);
  // Most harmful: a number that is still one.
  const digits = [...whole.keys()].filter((at) => /[0-9]/.test(String.fromCharCode(whole[at] as number)));
  const otherDigit = fc
    .tuple(fc.constantFrom(...digits), fc.integer({ min: 0x30, max: 0x39 }))
    .map(([at, digit]) => (bytes: Buffer): Buffer => {
      const out = Buffer.from(bytes);
      out[at] = digit;
      return out;
    });
  await fc.assert(
    fc.asyncProperty(fc.oneof(damage, otherDigit), async (change) => {
      writeFileSync(path, change(whole), { mode: 0o600 });
      expect(await dump.run(translated)).toEqual(right);
    }),
    { numRuns: 400 },
  );
});
