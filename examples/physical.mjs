// SPDX-License-Identifier: Apache-2.0
// node physical.mjs DUMP ADDRESS LENGTH: bytes at a host physical address, in hexadecimal. No kernel is needed: any dump
// will do.
import { openImage } from 'kvm-vtop';

const [path = '', address = '', length = ''] = process.argv.slice(2);
const image = await openImage(path);
const from = BigInt(`0x${address.replace(/^0x/i, '')}`);
for (const { address: start, length: count, bytes, gap } of image.physical.read(from, Number(length))) {
  const text = bytes === null ? `${count} bytes are missing: ${gap.message}` : Buffer.from(bytes).toString('hex');
  console.log(`0x${start.toString(16)}: ${text}`);
}
image.close();
