// SPDX-License-Identifier: Apache-2.0
// What QEMU's monitor printed for `info registers -a`, kept beside a dump. It shares no code with what prints such text.

/** A register as the JSON of `vcpus` has it. */
export type Value = string | Readonly<Record<string, string>>;

export interface QemuCpu {
  /** Its lines, from CPU#N to EFER. */
  readonly lines: readonly string[];
  readonly registers: Readonly<Record<string, Value>>;
  readonly halted: boolean;
  readonly smm: boolean;
}

const hex = (digits: string): string => `0x${BigInt(`0x${digits}`).toString(16)}`;

/** The CPUs of a guest. */
export function qemuCpus(text: string): QemuCpu[] {
  return text
    .split(/^(?=CPU#)/m)
    .filter((part) => part.startsWith('CPU#'))
    .map((part) => {
      const lines = part.slice(0, part.indexOf('FCW=')).trimEnd().split('\n');
      const body = lines.join('\n');
      return {
        lines,
        registers: { ...numbers(body), ...segments(body), ...tables(body) },
        halted: body.includes(' HLT=1'),
        smm: body.includes(' SMM=1'),
      };
    });
}

function numbers(body: string): Record<string, Value> {
  const found = body.matchAll(/\b(R[A-Z]{2}|R\d+|CR\d|DR\d|EFER) *=([0-9a-f]+)/g);
  return Object.fromEntries([...found].map(([, name = '', value = '']) => [nameOf(name), hex(value)]));
}

const nameOf = (label: string): string => (label === 'RFL' ? 'rflags' : label.toLowerCase());

function segments(body: string): Record<string, Value> {
  const found = body.matchAll(/^(ES|CS|SS|DS|FS|GS|LDT|TR) *=(\w+) (\w+) (\w+) (\w+)/gm);
  return Object.fromEntries(
    [...found].map(([, name = '', selector = '', base = '', limit = '', flags = '']) => [
      name === 'LDT' ? 'ldtr' : name.toLowerCase(),
      {
        selector: hex(selector),
        base: hex(base),
        limit: hex(limit),
        // QEMU prints the second word of a descriptor; bits 8 to 15 and 20 to 23 of it are attributes.
        attributes: hex(((Number(hex(flags)) >> 8) & 0xf0ff).toString(16)),
      },
    ]),
  );
}

function tables(body: string): Record<string, Value> {
  const found = body.matchAll(/^([GI]DT)= +(\w+) (\w+)/gm);
  return Object.fromEntries(
    [...found].map(([, name = '', base = '', limit = '']) => [
      `${name.toLowerCase()}r`,
      { base: hex(base), limit: hex(limit) },
    ]),
  );
}
