// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from '@jest/globals';
import { guestName } from '../../../src/kvm/qemu-name.js';

const UUID = '0000000b-0000-4000-8000-00000000000b';

describe("a guest's name and UUID", () => {
  test.each([
    ['only a name', ['-name', 'alpha'], 'alpha', null],
    ["libvirt's form", ['-name', 'guest=web 1,debug-threads=on', '-uuid', UUID], 'web 1', UUID],
    ['other parameters first', ['-name', 'debug-threads=on,guest=x'], 'x', null],
    ['two hyphens', ['--name', 'x', '--uuid', UUID], 'x', UUID],
    ['commas in a name', ['-name', 'guest=a,,b,,,debug-threads=on'], 'a,b,', null],
    ['of two keys the last', ['-name', 'guest=a,guest=b'], 'b', null],
    ['a key after a name without one', ['-name', 'a,guest=b'], 'b', null],
    ['an equals sign after a comma in a name', ['-name', 'a,,b=c'], 'a,b=c', null],
    ['a key that ends in guest', ['-name', 'guest=a,host-guest=b'], 'a', null],
    ['an empty name', ['-name', 'guest=,debug-threads=on'], '', null],
    ['no value at all', ['-name', ''], null, null],
    ['the last of two is used', ['-name', 'a', '-name', 'b'], 'b', null],
    ['no name among the parameters', ['-name', 'debug-threads=on'], null, null],
    ['capital letters in a UUID', ['-uuid', UUID.toUpperCase()], null, UUID],
    ['an option without its value', ['-m', '64', '-name'], null, null],
    ['a value that looks like the option', ['-name', '-name', 'x'], '-name', null],
    ['no options', [], null, null],
  ])('%s', (_what, words, name, uuid) => {
    expect(guestName(['qemu-system-x86_64', ...words])).toEqual({ name, uuid });
  });

  test("the program's own name is not an option", () => {
    expect(guestName(['-name', 'x'])).toEqual({ name: null, uuid: null });
  });
});
