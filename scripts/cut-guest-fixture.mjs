// SPDX-License-Identifier: Apache-2.0
// cut-guest-fixture HOST TARGET NAME VCPU: cuts a fixture with pages of a guest out of a recorded host, with the program's own
// excerpt: pages that a process of the guest wrote, the page tables that lead to them, which vCPU VCPU was using, and KVM's own.
// The truth (guest.json) is what that process said of its pages. Run it after a build.
//
// cut-guest-fixture HOST TARGET: cuts one with the log of the host's kernel. The truth is what it wrote to the serial line.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packedPages, withPages } from './excerpt-pages.mjs';
import { hex, RecordedHost } from './recorded-host.mjs';

const [host, target, name, vcpu = '0'] = process.argv.slice(2);
if (host === undefined || target === undefined) {
  console.error('usage: cut-guest-fixture HOST TARGET [NAME VCPU]');
  process.exit(2);
}
const recorded = new RecordedHost(host);
const cli = new URL('../dist/cli.js', import.meta.url).pathname;
const dump = join(target, 'vmcore.kdump');
mkdirSync(target, { recursive: true });
rmSync(dump, { force: true });

const whole = join(host, 'vmcore');

/** Cuts what these commands read. @param {string[][]} commands */
function cut(commands) {
  const words = commands.flatMap((command) => ['--', ...command]);
  spawnSync(process.execPath, [cli, 'excerpt', '-c', whole, '-o', dump, ...words], { stdio: 'inherit' });
  statSync(dump);
}

/** Adds what is read if the types are those of the layout profile, which opens the dump faster. */
function addLayout() {
  const [whole, own] = [readFileSync(dump), `${dump}.layout`];
  const words = ['-c', join(host ?? '', 'vmcore'), '-o', own, '--types', 'layout', '--', 'vms', '--', 'vcpus'];
  spawnSync(process.execPath, [cli, 'excerpt', ...words], { stdio: 'inherit' });
  writeFileSync(dump, withPages(whole, new Map([...packedPages(readFileSync(own)), ...packedPages(whole)])));
  rmSync(own);
}

if (name === undefined) {
  cut([['log']]);
  // Lines without a time are from programs. The kernel that wrote the dump began to count again.
  const messages = recorded
    .lines('serial.log')
    .map((line) => line.replace(/\r/g, ''))
    .filter((line) => /^\[ *\d+\.\d{6}\] /.test(line));
  const crash = messages.findIndex((line) => line.includes('Kernel panic'));
  const timeOf = (/** @type {string} */ line) => Number(line.slice(1, 13));
  const end = messages.findIndex((line, i) => i > crash && timeOf(line) < timeOf(messages[crash] ?? ''));
  if (end >= 0) messages.splice(end);
  writeFileSync(join(target, 'serial.log'), messages.map((line) => `${line}\n`).join(''), 'latin1');
} else {
  const written = recorded.facts('PAGE').filter((page) => page.name === name);
  const range = (/** @type {string} */ at) => `${at}+1000`;
  const before = (/** @type {string} */ at) => [`${(hex(at) - 1n).toString(16)}+1`];
  const virtual = ['-g', name, '--gva', '--vcpu', vcpu, '-p'];
  cut([
    ['npt', '-g', name],
    // And the byte before them.
    ['read', '-g', name, '-p', ...before(written[0]?.gpa ?? '1'), ...written.map(({ gpa }) => range(gpa))],
    ['vtop', ...virtual, ...written.map(({ gva }) => gva)],
    ['read', ...virtual, ...written.map(({ gva }) => range(gva))],
  ]);
  addLayout();
  const pages = written.map(({ gva, gpa, value }) => ({
    gva: `0x${hex(gva).toString(16)}`,
    gpa: `0x${hex(gpa).toString(16)}`,
    value: `0x${value}`,
  }));
  writeFileSync(join(target, 'guest.json'), `${JSON.stringify({ name, vcpu: Number(vcpu), pages }, null, 1)}\n`);
}
