// SPDX-License-Identifier: Apache-2.0
// Synthetic kernels in every form that the program supports: where symbols, types and memory are found.
import { describe, expect, test } from '@jest/globals';
import { gfn } from '../../../src/core/address.js';
import type { DumpError } from '../../../src/core/errors.js';
import { silentLog } from '../../../src/core/log.js';
import { KVM_NEEDS } from '../../../src/kvm/needs.js';
import { selectVm } from '../../../src/kvm/select.js';
import { openHostWith } from '../../../src/opening/open-host.js';
import { nothingBeside } from '../../../src/opening/outside.js';
import type { SymbolTable } from '../../../src/symbols/table.js';
import { GuestTranslator } from '../../../src/translate/translator.js';
import { type HostOptions, SyntheticHost } from '../../build/host.js';
import { FORMS } from '../../build/kallsyms.js';

const SLOT = { id: 0, gpa: 0x34de0000n, pages: 16n, hva: 0x7f0000000000n };

/** Translates one page, from the process's pid to the frame. */
function answer(options: HostOptions): unknown {
  const host = new SyntheticHost(options);
  const { tables } = host.vmm(191, [SLOT]);
  tables.map(SLOT.hva + 0x5000n, 0x611de);
  const opened = host.open();
  const { vm } = selectVm(opened, '191', null);
  const translator = new GuestTranslator(vm, 0);
  translator.translate(gfn(0x34de5), 0x840);
  return { state: translator.state, frame: translator.frame, page: translator.page };
}

const RIGHT = { state: 'mapped', frame: 0x611de, page: 0x7f0000005 };

describe('symbols', () => {
  test.each(Object.entries(FORMS))('kallsyms as in %s', (_name, kallsyms) => {
    expect(answer({ kallsyms })).toEqual(RIGHT);
  });

  test.each(Object.entries(FORMS))('kallsyms as in %s, found by a scan', (_name, kallsyms) => {
    for (const ballast of [1000, 1279, 1280, 3000]) expect(answer({ kallsyms, ballast, silent: true })).toEqual(RIGHT);
  });

  test('a kernel without symbols is refused with a message that says so', () => {
    const host = new SyntheticHost({ silent: true, ballast: 3000 });
    host.vmm(191, [SLOT]);
    host.image();
    // A scan searches for the tokens of the digits, which are adjacent.
    const digits = Buffer.from('0\x001\x002\0', 'latin1');
    for (const page of host.memory.frames.values()) {
      const at = Buffer.from(page.buffer, page.byteOffset, page.length).indexOf(digits);
      if (at >= 0) page[at] = 0x41;
    }
    expect(() => host.open()).toThrow(/kernel 9\.9\.9-synthetic: VMCOREINFO has no kallsyms tables, and a scan/);
  });

  describe.each(Object.entries(FORMS))('kallsyms as in %s without a page of the names', (_name, kallsyms) => {
    /** What is opened with more tables of symbols, or the reason why it is not. */
    const opened = async (more: (host: SyntheticHost) => SymbolTable[]): Promise<unknown> => {
      const host = new SyntheticHost({ kallsyms, ballast: 6000 });
      host.vmm(191, [SLOT]);
      const image = host.image();
      const place = (name: string) =>
        BigInt(`0x${new RegExp(`SYMBOL\\(kallsyms_${name}\\)=(\\w+)`).exec(host.vmcoreinfo())?.[1]}`);
      const [start, end] = [place('names'), place('token_table')];
      host.memory.frames.delete(Number(host.physical(start + (end - start) / 2n) / 4096n));
      const outside = { ...nothingBeside, moreSymbols: () => Promise.resolve(more(host)) };
      try {
        const { symbols } = await openHostWith(image, image, { log: silentLog, needs: KVM_NEEDS, outside });
        return symbols.get('init_pid_ns') === host.at('init_pid_ns');
      } catch (error) {
        const { code, remedies } = error as DumpError;
        return { code, remedies };
      }
    };
    const table = (host: SyntheticHost): SymbolTable => ({
      source: 'map',
      find: (name) => host.symbols.find(([each]) => each.slice(1) === name)?.[1] ?? null,
      next: () => null,
    });

    test('other tables are used, and without them the message says what would help', async () => {
      expect(await opened((host) => [table(host)])).toBe(true);
      // In some forms the symbols that are needed are on other pages.
      expect([
        true,
        { code: 'no-symbols', remedies: expect.arrayContaining(['system-map', 'vmlinux']) },
      ]).toContainEqual(await opened(() => []));
    });
  });

  test.each([1, 255, 256, 257, 1023])('with %d more symbols', (ballast) => {
    for (const kallsyms of Object.values(FORMS)) expect(answer({ kallsyms, ballast })).toEqual(RIGHT);
  });

  test('the formula that gives _stext its address is used, or none', () => {
    const host = new SyntheticHost();
    host.vmm(191, [SLOT]);
    const wrong = host.vmcoreinfo().replace(/SYMBOL\(_stext\)=.*/, 'SYMBOL(_stext)=ffffffff81234000');
    const image = host.image();
    Object.defineProperty(image.reader, 'vmcoreinfo', { value: { text: () => wrong } });
    expect(() => host.open()).not.toThrow();
    expect(() => host.openImage(image)).toThrow(/_stext/);
  });

  test('KVM built into the kernel', () => {
    expect(answer({ kvm: 'built in' })).toEqual(RIGHT);
  });

  test('a kernel without KVM is refused with a message that says so', () => {
    expect(() => answer({ kvm: 'absent' })).toThrow(/KVM is not loaded/);
  });
});

describe('types', () => {
  test.each([24, 32] as const)('BTF with a header of %i bytes', (headerLength) => {
    expect(answer({ btf: { headerLength } })).toEqual(RIGHT);
  });

  test('unknown kinds are skipped if their sizes are recorded', () => {
    expect(
      answer({
        btf: {
          headerLength: 32,
          unknownKinds: [
            [23, 12],
            [30, 4],
          ],
        },
      }),
    ).toEqual(RIGHT);
  });

  test('unknown kinds without recorded sizes are an error with their number', () => {
    expect(() => answer({ btf: { headerLength: 24, unknownKinds: [[23, 12]] } })).toThrow(
      /BTF type of unknown kind 23/,
    );
  });

  test.each([24, 32] as const)('BTF without symbols, header of %i bytes', (headerLength) => {
    expect(answer({ noBtfSymbols: true, btf: { headerLength } })).toEqual(RIGHT);
    expect(answer({ noBtfSymbols: true, splitBtf: true, btf: { headerLength } })).toEqual(RIGHT);
  });

  test('the types of KVM are in the BTF of its module', () => {
    expect(answer({ splitBtf: true })).toEqual(RIGHT);
  });

  test("a module built with other headers: its own types are used, not vmlinux's", () => {
    const types = new SyntheticHost().typesText();
    const stale = types.replace('u64 base_gfn', 'pad 24\n  u64 base_gfn');
    expect(stale).not.toBe(types);
    expect(answer({ splitBtf: true, vmlinuxTypes: stale })).toEqual(RIGHT);
  });

  test('with damaged BTF of the module only that of vmlinux is used, and a warning says so', () => {
    const host = new SyntheticHost({ splitBtf: true, vmlinuxTypes: new SyntheticHost().typesText() });
    host.vmm(191, [SLOT]);
    host.image();
    const entry = host.pointer(host.at('btf_modules')) - host.offset('btf_module', 'list');
    const btf = host.pointer(entry + host.offset('btf_module', 'btf'));
    host.u64(host.pointer(btf + host.offset('btf', 'data')), 0x1234n);
    const said: string[] = [];
    const opened = host.open({ ...silentLog, warn: (text) => said.push(text) });
    expect(opened.types.source).toBe('BTF of vmlinux');
    expect(said.join()).toMatch(/types: taken from vmlinux only: .*BTF/);
  });

  test('the error for a kernel without BTF names the kernel and what it lacks', () => {
    expect(() => answer({ noBtf: true })).toThrow(/kernel 9\.9\.9-synthetic has no BTF \(CONFIG_DEBUG_INFO_BTF\)/);
  });

  test('all missing members are named at once', () => {
    const btfTypes = new SyntheticHost()
      .typesText()
      .replace('ptr pgd', 'ptr page_dir')
      .replace('u32 mm_users', 'u32 users');
    expect(() => answer({ btfTypes })).toThrow(/lacks mm_struct\.pgd, mm_struct\.mm_users/);
  });

  test('a member of an unexpected width is treated as missing', () => {
    const btfTypes = new SyntheticHost().typesText().replace('u64 npages', 'u32 npages');
    expect(() => answer({ btfTypes })).toThrow(/kvm_memory_slot\.npages of 8 bytes \(it has 4\)/);
  });
});

test('notes of another kernel than the one in memory are refused', () => {
  const host = new SyntheticHost();
  host.vmm(191, [SLOT]);
  const image = host.image();
  const wrong = host.vmcoreinfo().replace('OSRELEASE=9.9.9', 'OSRELEASE=9.9.8');
  Object.defineProperty(image.reader, 'vmcoreinfo', { value: { text: () => wrong } });
  expect(() => host.openImage(image)).toThrow(
    /describes kernel 9\.9\.8-synthetic, but the release in memory is 9\.9\.9-synthetic/,
  );
});

describe('memory', () => {
  test.each([4, 5] as const)('%i levels of page tables', (levels) => {
    expect(answer({ levels })).toEqual(RIGHT);
  });

  test.each([
    ['no KASLR', 0n, 0n],
    ['a slide, loaded at the linked address', 0x3e000000n, -0x3e000000n],
    ['a slide, loaded below', 0x1000000n, -0x1800000n],
    ['loaded above 4 GiB', 0x2000000n, 0x140000000n],
  ])('%s', (_name, kaslr, physBase) => {
    expect(answer({ kaslr, physBase })).toEqual(RIGHT);
  });

  test('an invalid mask of memory encryption is refused', () => {
    for (const smeMask of [3n << 47n, 1n << 12n, 1n << 60n])
      expect(() => answer({ smeMask })).toThrow(/NUMBER\(sme_mask\)=\d+ is not a single bit of an address/);
  });

  test('a pointer that is not a canonical address is reported as such', () => {
    const host = new SyntheticHost();
    const { vm } = host.vmm(191, [SLOT]);
    host.u64(vm + host.offset('kvm', 'mm'), 0x6f00888001000000n);
    expect(() => selectVm(host.open(), '191', null)).toThrow(/0x6f00888001000000.*not a canonical address/);
  });

  test.each([4, 5] as const)('memory encryption, %i levels: the bit is not part of any address', (levels) => {
    expect(answer({ smeMask: 1n << 47n, levels })).toEqual(RIGHT);
    expect(answer({ smeMask: 1n << 51n, levels })).toEqual(RIGHT);
  });
});

describe('without VMCOREINFO in the notes', () => {
  /** The answer of a host with these texts of VMCOREINFO in its memory, and the messages. */
  function found(options: HostOptions, texts: (own: string) => readonly string[]) {
    const host = new SyntheticHost(options);
    host.vmm(191, [SLOT]).tables.map(SLOT.hva + 0x4000n, 0x234);
    const own = host.vmcoreinfo();
    for (const text of texts(own)) host.write(host.allocate(4096, 4096n) + 0x18n, Buffer.from(`${text}\0`, 'latin1'));
    const image = host.image();
    Object.defineProperty(image.reader, 'vmcoreinfo', { value: null });
    const said: string[] = [];
    const opened = host.openImage(image, { ...silentLog, warn: (text) => said.push(text) });
    const translator = new GuestTranslator(selectVm(opened, '191', null).vm, 0);
    translator.translate(gfn(0x34de4), 0);
    return { frame: translator.frame, mark: opened.info.text('MARK'), said: said.join('\n') };
  }
  const plain = { ballast: 1100 };

  test('its text in memory is used; that of a guest, or one without a kernel, is not', () => {
    const guest = (text: string) => text.replace(/phys_base\)=-?\d+/, 'phys_base)=123456789');
    const other = (text: string) => text.replace(/OSRELEASE=\S+/, 'OSRELEASE=1.2.3');
    const answer = found(plain, (own) => [guest(own), other(own), 'OSRELEASE=\n', `${own}MARK=right\n`]);
    expect(answer).toEqual({ frame: 0x234, mark: 'right', said: '' });
  });

  test('of two kernels, the one that crashed is used', () => {
    const answer = found(plain, (own) => [`${own}MARK=captures\n`, `${own}MARK=crashed\nCRASHTIME=1700000000\n`]);
    expect(answer).toMatchObject({ mark: 'crashed' });
  });

  test.each([4, 5] as const)(
    'without the text in memory: page tables of %i levels and kallsyms lead to the kernel, with a warning',
    (levels) => {
      const answer = found({ ...plain, levels }, () => []);
      expect(answer.frame).toBe(0x234);
      expect(answer.said).toMatch(
        /no VMCOREINFO in the dump: kernel 9\.9\.9-synthetic was found by its page tables and kallsyms/,
      );
    },
  );

  test('without kallsyms the error says what would help', () => {
    expect(() => found({ noKallsyms: true }, () => [])).toThrow(
      /no VMCOREINFO in the dump, and no kallsyms in the kernel at 0x[0-9a-f]+$/,
    );
  });
});

test('VMCOREINFO with a wrong address of the kernel does not start an endless search', () => {
  const host = new SyntheticHost({ silent: true, ballast: 1100 });
  host.vmm(191, [SLOT]);
  const wrong = host.vmcoreinfo().replace(/SYMBOL\(_stext\)=.*/, 'SYMBOL(_stext)=fffffdff90e00000');
  const image = host.image();
  Object.defineProperty(image.reader, 'vmcoreinfo', { value: { text: () => wrong } });
  expect(() => host.openImage(image)).toThrow(/VMCOREINFO puts _stext at 0xfffffdff90e00000, outside the mapping of/);
});
