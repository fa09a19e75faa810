// SPDX-License-Identifier: Apache-2.0
// The log of 3.5 to 5.9, records in one buffer, and that of older kernels, a text.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Host } from '../../../src/kernel/host.js';
import { logMessages } from '../../../src/kernel/printk/log.js';
import { VmCoreInfo } from '../../../src/notes/vmcoreinfo.js';
import type { TypeSource } from '../../../src/types/source.js';
import { FlatMemory } from '../../build/flat-memory.js';

const NEWLINE = 2;
const CONT = 8;
const NOTHING = { source: 'nothing', sizeOf: () => null, member: () => null, enumerators: () => null };

/** A kernel with variables, and the buffer that some of them describe. */
class Kernel {
  readonly memory = new FlatMemory(0x20000);
  readonly buffer: bigint;
  readonly #symbols: string[] = [];
  lines = 'OSRELEASE=4.19.0\n';
  types: TypeSource = NOTHING;

  constructor(readonly size: number) {
    this.buffer = this.memory.allocate(size);
    this.variable('log_buf', this.buffer, 8);
    this.variable('log_buf_len', BigInt(size), 4);
  }

  get bytes(): Buffer {
    const at = this.memory.offsetOf(this.buffer);
    return this.memory.bytes.subarray(at, at + this.size);
  }

  variable(name: string, value: bigint, bytes: 4 | 8): void {
    const address = this.memory.allocate(8, 8);
    const at = this.memory.offsetOf(address);
    if (bytes === 8) this.memory.bytes.writeBigUInt64LE(value, at);
    else this.memory.bytes.writeUInt32LE(Number(BigInt.asUintN(32, value)), at);
    this.#symbols.push(`SYMBOL(${name})=${address.toString(16)}\n`);
  }

  read() {
    const info = new VmCoreInfo(this.lines + this.#symbols.join(''));
    const symbols = { get: () => undefined };
    const host = { memory: this.memory, info, types: this.types, symbols, release: '4.19.0' } as unknown as Host;
    const lost: string[] = [];
    const messages = [...logMessages(host, (why) => lost.push(why))];
    return { messages, texts: messages.map(({ text }) => text), lost };
  }
}

interface Wish {
  readonly text: string | Buffer;
  readonly dict?: string;
  readonly time?: bigint;
  readonly level?: number;
  readonly flags?: number;
  readonly facility?: number;
  readonly caller?: number;
}

/** A buffer of records, filled as log_store() fills it (kernel/printk/printk.c). `header`: 16, or 20 with caller_id. */
class Records extends Kernel {
  #next = 0;
  #first = 0;
  #firstSeq = 0;
  readonly kept: { at: number; length: number; text: string }[] = [];

  constructor(
    size: number,
    readonly header: 16 | 20 = 16,
    readonly struct: 'printk_log' | 'log' = 'printk_log',
  ) {
    super(size);
    this.lines += `SIZE(${struct})=${header}\nOFFSET(${struct}.ts_nsec)=0\nOFFSET(${struct}.len)=8\nOFFSET(${struct}.text_len)=10\nOFFSET(${struct}.dict_len)=12\n`;
  }

  add({ text, dict = '', time = 0n, level = 6, flags = NEWLINE, facility = 0, caller = 0 }: Wish): number {
    const body = Buffer.concat([Buffer.from(text), Buffer.from(dict, 'latin1')]);
    const length = Math.ceil((this.header + body.length) / 8) * 8;
    // There must be room for a record and for the header that marks the rest of the buffer as unused.
    const hasRoom = (first: number): boolean => {
      const free =
        this.#next > first || this.kept.length === 0 ? Math.max(this.size - this.#next, first) : first - this.#next;
      return free >= length + this.header;
    };
    while (this.kept.length > 0 && !hasRoom(this.#first)) {
      this.kept.shift();
      this.#firstSeq++;
      this.#first = this.kept[0]?.at ?? this.#next;
    }
    if (this.#next + length + this.header > this.size) {
      this.bytes.fill(0, this.#next, Math.min(this.size, this.#next + this.header));
      this.#next = 0;
      if (this.kept.length === 0) this.#first = 0;
    }
    const at = this.#next;
    const out = this.bytes;
    out.fill(0, at, at + length);
    out.writeBigUInt64LE(time, at);
    out.writeUInt16LE(length, at + 8);
    out.writeUInt16LE(Buffer.from(text).length, at + 10);
    out.writeUInt16LE(Buffer.from(dict, 'latin1').length, at + 12);
    out[at + 14] = facility;
    out[at + 15] = flags | (level << 5);
    if (this.header === 20) out.writeUInt32LE(caller, at + 16);
    body.copy(out, at + this.header);
    this.#next = at + length;
    this.kept.push({ at, length, text: Buffer.from(text).toString() });
    return at;
  }

  /** `ends`: other values of the variables; undefined leaves one out. */
  override read(ends: { first?: number; next?: number; seq?: bigint | null } = {}) {
    this.variable('log_first_idx', BigInt(ends.first ?? this.#first), 4);
    this.variable('log_next_idx', BigInt(ends.next ?? this.#next), 4);
    if (ends.seq !== null) this.variable('log_first_seq', ends.seq ?? BigInt(this.#firstSeq), 8);
    return super.read();
  }
}

describe('records', () => {
  test.each([16, 20] as const)('all members of a message, with a header of %i bytes', (header) => {
    const log = new Records(1024, header);
    log.add({ text: 'plain', time: 1_234_567_890_123n, level: 3, caller: 4711 });
    log.add({
      text: 'of a device',
      dict: 'SUBSYSTEM=pci\0DEVICE=+pci:0000:00:1f.2',
      level: 0,
      facility: 3,
      caller: 0x80000005,
    });
    const { messages, lost } = log.read();
    const callers =
      header === 20
        ? [
            { thread: 4711, cpu: null },
            { thread: null, cpu: 5 },
          ]
        : [
            { thread: null, cpu: null },
            { thread: null, cpu: null },
          ];
    expect(lost).toEqual([]);
    expect(messages).toEqual([
      {
        seq: 0,
        time: 1_234_567_890_123n,
        level: 3,
        facility: 0,
        ...callers[0],
        subsystem: null,
        device: null,
        text: 'plain',
        continues: false,
      },
      {
        seq: 1,
        time: 0n,
        level: 0,
        facility: 3,
        ...callers[1],
        subsystem: 'pci',
        device: '+pci:0000:00:1f.2',
        text: 'of a device',
        continues: false,
      },
    ]);
  });

  test('struct log, its name up to 3.10', () => {
    const log = new Records(1024, 16, 'log');
    log.add({ text: 'old' });
    expect(log.read()).toMatchObject({ texts: ['old'], lost: [] });
  });

  test('an empty log; and an empty message', () => {
    expect(new Records(1024).read()).toEqual({ messages: [], texts: [], lost: [] });
    const log = new Records(1024);
    log.add({ text: '' });
    expect(log.read()).toMatchObject({ texts: [''], lost: [] });
  });

  test('a message continues the one before it only if that has not ended its line', () => {
    const log = new Records(1024);
    const flags = [NEWLINE, CONT, CONT, CONT | NEWLINE, CONT | NEWLINE, 0, NEWLINE];
    for (const [i, each] of flags.entries()) log.add({ text: `${i}`, flags: each });
    expect(log.read().messages.map(({ continues }) => continues)).toEqual([
      false,
      false,
      true,
      true,
      false,
      false,
      false,
    ]);
  });

  test('the first kernels with records have no flags, and level and facility in one member', () => {
    const log = new Records(1024, 16, 'log');
    log.lines = 'OSRELEASE=3.5.0\n';
    const members: Readonly<Record<string, readonly [offset: number, size: number]>> = {
      ts_nsec: [0, 8],
      len: [8, 2],
      text_len: [10, 2],
      dict_len: [12, 2],
      level: [14, 2],
    };
    log.types = {
      ...NOTHING,
      sizeOf: (name) => (name === 'log' ? 16 : null),
      member(name, path) {
        const [offset, size] = (name === 'log' ? members[path] : undefined) ?? [];
        return offset === undefined || size === undefined
          ? null
          : { offset, size, count: 1, element: size, kind: 'number' };
      },
    };
    const places = [log.add({ text: 'from the kernel' }), log.add({ text: 'from a process' })];
    log.bytes.writeUInt16LE(4, (places[0] as number) + 14);
    log.bytes.writeUInt16LE((3 << 3) | 6, (places[1] as number) + 14);
    const { messages, lost } = log.read();
    expect(messages.map(({ text, level, facility, continues }) => [text, level, facility, continues])).toEqual([
      ['from the kernel', 4, 0, false],
      ['from a process', 6, 3, false],
    ]);
    expect(lost).toEqual([]);
  });

  test('without log_first_seq the numbers are not known', () => {
    const log = new Records(1024);
    for (const text of ['a', 'b']) log.add({ text });
    expect(log.read({ seq: null }).messages.map(({ seq }) => seq)).toEqual([null, null]);
  });

  test('random messages: those that the buffer still has, in order, with their numbers', () => {
    const text = fc.oneof(fc.string({ maxLength: 60 }), fc.constantFrom('', 'x'.repeat(100), 'Zürich €'));
    let wrapped = 0;
    fc.assert(
      fc.property(fc.array(text, { maxLength: 60, size: 'max' }), fc.constantFrom<16 | 20>(16, 20), (texts, header) => {
        const log = new Records(512, header);
        for (const each of texts) log.add({ text: each });
        const { messages, texts: found, lost } = log.read();
        expect(lost).toEqual([]);
        expect(found).toEqual(log.kept.map((each) => each.text));
        for (const { seq, text: own } of messages) expect(own).toBe(texts[seq as number]);
        if (found.length < texts.length) wrapped++;
      }),
      { numRuns: 200 },
    );
    expect(wrapped).toBeGreaterThan(20);
  });

  describe('damage', () => {
    const three = (): { log: Records; at: number[] } => {
      const log = new Records(8192);
      return { log, at: ['a', 'b', 'c'].map((text) => log.add({ text: text.repeat(2500) })) };
    };

    test.each<[string, (log: Records, at: number[]) => void, string[], RegExp]>([
      [
        'a length of 0 leads to the start, and round',
        (log, [, second = 0]) => log.bytes.writeUInt16LE(0, second + 8),
        ['a'],
        /do not lead to the last one/,
      ],
      [
        'a length below that of the header',
        (log, [, second = 0]) => log.bytes.writeUInt16LE(8, second + 8),
        ['a'],
        /record of 8 bytes with 2500/,
      ],
      [
        'a length below that of the text',
        (log, [, second = 0]) => log.bytes.writeUInt16LE(2500, second + 8),
        ['a'],
        /record of 2500 bytes with 2500/,
      ],
      [
        'a length beyond the end',
        (log, [, second = 0]) => log.bytes.writeUInt16LE(0xfff8, second + 8),
        ['a'],
        /do not lead to the last one/,
      ],
      [
        'a text beyond its record',
        (log, [, second = 0]) => log.bytes.writeUInt16LE(60_000, second + 10),
        ['a'],
        /60000 bytes of text/,
      ],
      ['a page is missing', ({ memory }) => memory.missing.add(1), ['a'], /page 1 is left out/],
    ])('%s: what comes before it is printed, and the reason reported', (_, damage, texts, why) => {
      const { log, at } = three();
      damage(log, at);
      const found = log.read();
      expect(found.texts.map((text) => text?.[0])).toEqual(texts);
      expect(found.lost).toEqual([expect.stringMatching(why)]);
    });

    test('an end that no record leads to: the records are read once', () => {
      const { log } = three();
      const found = log.read({ next: 4 });
      expect(found.texts.map((text) => text?.[0])).toEqual(['a', 'b', 'c']);
      expect(found.lost).toEqual([expect.stringMatching(/do not lead to the last one/)]);
    });

    test.each([{ first: 9000 }, { next: 9000 }])('%j is not in the buffer: an error', (ends) => {
      expect(() => three().log.read(ends)).toThrow(/log_buf: the offsets .* are not in its 8192 bytes/);
    });

    test.each([0n, 2n ** 31n])('a buffer of %i bytes: an error', (size) => {
      const { log } = three();
      log.variable('log_buf_len', size, 4);
      expect(() => log.read()).toThrow(/log_buf_len: \d+ bytes can't be right/);
    });
  });
});

describe('text', () => {
  /** A buffer after these characters were written to it. */
  function written(text: string | Buffer, size: number, { end, cleared = 0 }: { end?: bigint; cleared?: number } = {}) {
    const log = new Kernel(size);
    const bytes = Buffer.from(text);
    const from = Number((end ?? BigInt(bytes.length)) - BigInt(bytes.length)) % size;
    for (const [i, byte] of bytes.entries()) log.bytes[(from + i + size) % size] = byte;
    log.variable('log_end', end ?? BigInt(bytes.length), 4);
    log.variable('logged_chars', BigInt(Math.min(bytes.length, size) - cleared), 4);
    return log.read();
  }

  test('levels and times', () => {
    const { messages, lost } = written('<6>[    0.000000] Linux\n<3>[12345.678901] bad\n<4>no time\nno level\n', 4096);
    expect(lost).toEqual([]);
    expect(messages.map(({ level, time, text, seq }) => [level, time, text, seq])).toEqual([
      [6, 0n, 'Linux', null],
      [3, 12_345_678_901_000n, 'bad', null],
      [4, null, 'no time', null],
      [null, null, 'no level', null],
    ]);
  });

  test('nothing', () => {
    expect(written('', 64)).toEqual({ messages: [], texts: [], lost: [] });
  });

  test('after the buffer was full, the oldest line is cut', () => {
    expect(written('<6>first line\n<6>second\n<6>third\n', 27).texts).toEqual(['st line', 'second', 'third']);
  });

  test('only what was written after the last clear', () => {
    expect(written('<6>first\n<6>second\n', 64, { cleared: 9 }).texts).toEqual(['second']);
  });

  test('log_end counts beyond 2^32', () => {
    expect(written('<6>first\n<6>second\n', 64, { end: 2n ** 32n + 5n }).texts).toEqual(['first', 'second']);
  });

  test('UTF-8 over the end of the buffer; bytes that are not UTF-8 do not change other lines', () => {
    const text = Buffer.concat([Buffer.from('<6>Zürich €\n<6>A'), Buffer.from([0xff]), Buffer.from('B\n')]);
    for (let end = 64; end < 128; end++)
      expect(written(text, 64, { end: BigInt(end) }).texts).toEqual(['Zürich €', 'AÿB']);
  });

  test('a page is missing', () => {
    const log = new Kernel(8192);
    log.variable('log_end', 8192n, 4);
    log.variable('logged_chars', 8192n, 4);
    log.memory.missing.add(1);
    expect(log.read()).toEqual({ messages: [], texts: [], lost: [expect.stringContaining('page 1 is left out')] });
  });

  test('a variable that is not known: an error', () => {
    expect(() => new Kernel(64).read()).toThrow(/neither VMCOREINFO nor kallsyms has logged_chars/);
  });
});
