// SPDX-License-Identifier: Apache-2.0
// The log of 5.10 and later: a ring that is filled as the kernel fills it, and damage.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Memory } from '../../../src/core/memory.js';
import type { Host } from '../../../src/kernel/host.js';
import { logMessages } from '../../../src/kernel/printk/log.js';
import { VmCoreInfo } from '../../../src/notes/vmcoreinfo.js';
import { CONT, LogRing, NEWLINE, type STATES } from '../../build/log-ring.js';

function read(ring: LogRing) {
  const lost: string[] = [];
  const messages = [...logMessages(ring.host, (why) => lost.push(why))];
  return { messages, texts: messages.map(({ text }) => text), lost };
}

test('all members of a message', () => {
  const ring = new LogRing(4, 9);
  ring.add('of a thread', { time: 1_234_567_890_123n, level: 3, facility: 0, caller: 4711 });
  ring.add('of a processor', {
    level: 0,
    facility: 3,
    caller: 0x80000005,
    subsystem: 'pci',
    device: '+pci:0000:00:1f.2',
  });
  const { messages, lost } = read(ring);
  expect(lost).toEqual([]);
  expect(messages).toEqual([
    {
      ...{ seq: 0, time: 1_234_567_890_123n, level: 3, facility: 0, thread: 4711, cpu: null },
      ...{ subsystem: null, device: null, text: 'of a thread', continues: false },
    },
    {
      ...{ seq: 1, time: 0n, level: 0, facility: 3, thread: null, cpu: 5 },
      ...{ subsystem: 'pci', device: '+pci:0000:00:1f.2', text: 'of a processor', continues: false },
    },
  ]);
});

test('a ring without messages', () => {
  expect(read(new LogRing(4, 9))).toEqual({ messages: [], texts: [], lost: [] });
});

const BACKGROUND: readonly (keyof typeof STATES)[] = ['reserved', 'reusable'];

test('messages that are being written, or have given way, are left out; committed ones are complete', () => {
  const ring = new LogRing(4, 9);
  ring.add('first');
  for (const state of BACKGROUND) ring.add(state, { state });
  ring.add('committed', { state: 'committed' });
  expect(read(ring)).toMatchObject({ texts: ['first', 'committed'], lost: [] });
});

test('an empty message, one for which there was no room, and one that was cut', () => {
  const ring = new LogRing(4, 9);
  ring.add('');
  ring.add('lost', { failed: true });
  const id = ring.add('cut here');
  ring.memory.bytes.writeUInt16LE(3, ring.memory.offsetOf(ring.infoAt(id)) + 24);
  // A length beyond the block gives what is in the block, with its padding.
  const longer = ring.add('12345678');
  ring.memory.bytes.writeUInt16LE(60_000, ring.memory.offsetOf(ring.infoAt(longer)) + 24);
  expect(read(ring)).toMatchObject({ texts: ['', null, 'cut', '12345678'], lost: [] });
});

test('a message continues the one before it only if that has not ended its line', () => {
  const ring = new LogRing(4, 9);
  const flags = [NEWLINE, CONT, CONT, CONT | NEWLINE, CONT | NEWLINE, 0, NEWLINE];
  for (const [i, each] of flags.entries()) ring.add(`${i}`, { flags: each });
  expect(read(ring).messages.map(({ continues }) => continues)).toEqual([
    false,
    false,
    true,
    true,
    false,
    false,
    false,
  ]);
});

test('texts are bytes: UTF-8, or one character each; control characters and line breaks are kept', () => {
  const ring = new LogRing(4, 9);
  for (const text of ['Zürich €', Buffer.from([0x41, 0xff, 0x42]), 'two\nlines', 'a\0b\x1b[31m']) ring.add(text);
  expect(read(ring).texts).toEqual(['Zürich €', 'AÿB', 'two\nlines', 'a\0b\x1b[31m']);
});

describe.each([false, true])('a text that ends with the ring stays there: %s', (fits) => {
  test('random messages: those that the ring still has, in order, each with its text', () => {
    const text = fc.oneof(
      fc.string({ maxLength: 50 }),
      fc.constantFrom('', 'x'.repeat(56), 'y'.repeat(24), 'z'.repeat(120)),
    );
    let [most, wrapped] = [0, false];
    fc.assert(
      fc.property(
        fc.array(text, { maxLength: 80, size: 'max' }),
        fc.constantFrom(2, 3, 4, 6),
        fc.boolean(),
        (texts, countBits, late) => {
          // IDs have 62 bits, and wrap. The first one is that of the first descriptor.
          const ring = new LogRing(countBits, 8, fits, late ? 2n ** 62n - 65n : undefined);
          for (const each of texts) ring.add(each);
          const { messages, lost } = read(ring);
          expect(lost).toEqual([]);
          expect(messages.map(({ text: own }) => own)).toEqual([...ring.kept.values()]);
          for (const { seq, text: own } of messages) expect(own).toBe(texts[seq as number]);
          if (texts.length > 0) expect(messages.at(-1)?.seq).toBe(texts.length - 1);
          most = Math.max(most, messages.length);
          wrapped ||= texts.join('').length > 512;
        },
      ),
      { numRuns: 200 },
    );
    expect([most > 8, wrapped]).toEqual([true, true]);
  });

  test('a block that exactly reaches the end of the ring', () => {
    const ring = new LogRing(4, 8, fits);
    for (const text of ['a'.repeat(120), 'b'.repeat(120), 'c'.repeat(56)]) ring.add(text);
    // The space that is wasted at the end of the ring is that of the second one.
    const texts = fits ? ['b'.repeat(120), 'c'.repeat(56)] : ['c'.repeat(56)];
    expect(read(ring)).toMatchObject({ texts, lost: [] });
  });
});

describe('damage and gaps', () => {
  const three = (): { ring: LogRing; ids: bigint[] } => {
    const ring = new LogRing(4, 13);
    return { ring, ids: ['a'.repeat(3000), 'b'.repeat(3000), 'c'].map((text) => ring.add(text)) };
  };
  const textPage = ({ memory, texts }: LogRing, page: number): void => {
    memory.missing.add(memory.offsetOf(texts) / 4096 + page);
  };

  test('a page of texts is missing: the messages are there, without their texts, and the reason is reported', () => {
    const { ring } = three();
    textPage(ring, 1);
    const { texts, lost } = read(ring);
    expect(texts).toEqual(['a'.repeat(3000), null, null]);
    expect(lost).toEqual([expect.stringContaining('left out'), expect.stringContaining('left out')]);
  });

  test.each<[string, (ring: LogRing, ids: bigint[]) => void, (string | null)[]]>([
    [
      'another ID before the text',
      (ring) => {
        ring.u64(ring.texts, 0, 5n);
      },
      [null, 'b', 'c'],
    ],
    [
      'the text would end before its start',
      (ring, [id = 0n]) => {
        ring.place(id, 3000n, 2000n);
      },
      [null, 'b', 'c'],
    ],
    [
      'the text is many rounds long',
      (ring, [id = 0n]) => {
        ring.place(id, 8n, 2n ** 63n);
      },
      [null, 'b', 'c'],
    ],
    [
      'the block has no room for the ID',
      (ring, [id = 0n]) => {
        ring.place(id, 0n, 4n);
      },
      [null, 'b', 'c'],
    ],
    [
      'only the end says that it is empty',
      (ring, [id = 0n]) => {
        ring.place(id, 0n, 3n);
      },
      [null, 'b', 'c'],
    ],
    [
      'the state is of another message',
      (ring, [id = 0n]) => {
        ring.u64(ring.descAt(id), 8, (2n << 62n) | (id + 16n));
      },
      ['b', 'c'],
    ],
  ])('%s', (_, damage, expected) => {
    const { ring, ids } = three();
    damage(ring, ids);
    const { texts, lost } = read(ring);
    expect(texts.map((text) => text?.[0] ?? null)).toEqual(expected);
    // A message that is not there, not even without its text, is reported.
    expect(lost).toHaveLength(3 - expected.length);
  });

  test.each<[string, Parameters<LogRing['damage']>, RegExp]>([
    ['too many descriptors', ['count', 27n], /2\^27 descriptors can't be right/],
    ['no descriptors', ['count', 0n], /2\^0 descriptors can't be right/],
    ['a text ring that is too large', ['size', 32n], /2\^32 bytes of text can't be right/],
    ['a text ring that is too small', ['size', 2n], /2\^2 bytes of text can't be right/],
  ])('%s: an error', (_, [what, value], why) => {
    const { ring } = three();
    ring.damage(what, value);
    expect(() => read(ring)).toThrow(why);
  });

  test.each(['descs', 'infos', 'data'] as const)(
    '%s are not mapped: each message is reported, none is invented',
    (what) => {
      const { ring } = three();
      ring.damage(what, 0xffff999900000000n);
      const { texts, lost } = read(ring);
      expect(texts).toEqual(what === 'data' ? [null, null, null] : []);
      expect(lost.length).toBeGreaterThanOrEqual(3);
      expect(new Set(lost.map((why) => /: not mapped$/.test(why)))).toEqual(new Set([true]));
    },
  );

  test('sizes of millions, of which nothing is there, end after some thousands of errors', () => {
    const { ring } = three();
    ring.damage('count', 26n);
    ring.damage('size', 31n);
    ring.damage('descs', 0xffff999900000000n);
    ring.setHead(2n ** 61n);
    expect(read(ring).lost).toHaveLength(10_001);
  });

  test('sizes of millions whose descriptors are all in one page end, too', () => {
    const { ring } = three();
    const far = 0xffff999900000000n;
    ring.damage('count', 26n);
    ring.damage('descs', far);
    ring.setHead(2n ** 61n);
    const memory: Memory = {
      read: (address, length) =>
        ring.memory.read(address < far ? address : ring.descs + ((address - far) % 64n), length),
    };
    const lost: string[] = [];
    const messages = [...logMessages({ ...ring.host, memory } as unknown as Host, (why) => lost.push(why))];
    expect(messages.length).toBeLessThan(4);
    expect(lost.at(-1)).toBe('descriptors of the log have IDs of other messages');
    expect(lost.length).toBeLessThan(10_005);
  });

  test('structures of a gigabyte, of which there are millions, end', () => {
    const { ring } = three();
    ring.damage('count', 26n);
    ring.info = new VmCoreInfo(ring.info.source.replace(/SIZE\((printk_info|prb_desc)\)=\d+/g, 'SIZE($1)=999999999'));
    const { messages, lost } = read(ring);
    expect(messages).toEqual([]);
    expect(lost.length).toBeGreaterThan(0);
  });

  test('a tail or a head that leaves out messages is reported', () => {
    const { ring, ids } = three();
    const [, second = 0n] = ids;
    ring.setTail(second);
    expect(read(ring)).toMatchObject({ lost: ['the log has messages before its oldest one'] });
    const other = three();
    other.ring.setHead(other.ids[1] ?? 0n);
    expect(read(other.ring)).toMatchObject({ lost: ['the log has messages after its newest one'] });
  });

  test('a number that the descriptor of a message can not have', () => {
    const { ring, ids } = three();
    ring.u64(ring.infoAt(ids[1] ?? 0n), 8, 77n);
    const { texts, lost } = read(ring);
    expect(texts.map((text) => text?.[0])).toEqual(['a', 'c']);
    expect(lost).toEqual([expect.stringContaining("can't have the number 77")]);
  });

  test.each([
    [
      'OFFSET(printk_info.caller_id)=32',
      'OFFSET(printk_info.caller_id)=26',
      /^VMCOREINFO: members of struct printk_info overlap$/,
    ],
    [
      'LENGTH(printk_info_device)=48',
      'LENGTH(printk_info_device)=49',
      /^VMCOREINFO: struct printk_info is smaller than its members$/,
    ],
    ['LENGTH(printk_info_subsystem)=16', 'LENGTH(printk_info_subsystem)=17', /overlap$/],
  ])('VMCOREINFO with %s changed to %s: an error', (from, to, why) => {
    const { ring } = three();
    ring.info = new VmCoreInfo(ring.info.source.replace(from, to));
    expect(() => read(ring)).toThrow(why);
  });

  test('a head before the tail: no more messages than descriptors', () => {
    const { ring } = three();
    ring.setHead(3n);
    expect(read(ring).texts.map((text) => text?.[0])).toEqual(['a', 'b', 'c']);
  });

  test('VMCOREINFO without a member, and types that describe nothing: an error', () => {
    const { ring } = three();
    ring.info = new VmCoreInfo(`SYMBOL(prb)=${ring.info.symbol('prb')?.toString(16)}`);
    expect(() => read(ring)).toThrow(/printk_ringbuffer/);
  });
});
