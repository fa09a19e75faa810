// SPDX-License-Identifier: Apache-2.0
// What is known of the dump or the VM that is chosen.
import { byId, make } from '../browser/elements.js';
import { nameOf, pictureLink, statusMark } from './columns.js';
import type { DumpEntry, VmEntry } from './rows.js';
import { bytes, host, number, seconds, states, time } from './words.js';

/** VMs of a dump that are listed. */
const MOST_VMS = 500;

export type Fact = readonly [string, string];

/** What is known of a dump, with the names of the values. */
export const factsOfDump = ({ dump }: DumpEntry): Fact[] =>
  known([
    ['Dump', dump.dump],
    ['Files', dump.files.join('\n')],
    ['Host', host(dump.node)],
    ['Kernel', dump.release ?? ''],
    ['Build-id', dump.buildId ?? ''],
    ['Format', dump.format ?? ''],
    ['Size', bytes(dump.size)],
    ['Changed', time(dump.mtime)],
    ['Crashed', time(dump.crashTime)],
    ['Panic', dump.panic ?? ''],
    ['VMs', number(dump.vms)],
    ['Seconds', seconds(dump.seconds)],
    ['Memory', bytes(dump.peakMemory)],
    ['Error', dump.error ?? ''],
  ]);

/** What is known of a VM. */
export const factsOfVm = ({ vm, dump }: VmEntry): Fact[] =>
  known([
    ['Name', vm.name ?? ''],
    ['UUID', vm.uuid ?? ''],
    ['Process', [vm.pid ?? '', vm.comm === null ? '' : `(${vm.comm})`].join(' ').trim()],
    ['struct kvm', vm.kvm],
    ['Memory', bytes(vm.memory)],
    ['States', states(vm.states)],
    ['vCPUs', number(vm.vcpus)],
    ['Type', vm.type ?? ''],
    ['Dump', dump.dump],
    ['Host', host(dump.node)],
    ['Kernel', dump.release ?? ''],
  ]);

const known = (facts: readonly Fact[]): Fact[] => facts.filter(([, value]) => value !== '');

/** The panel beside the table. */
export class Details {
  readonly #panel = byId('details', HTMLElement);
  readonly #title = byId('details-title', HTMLElement);

  none(): void {
    this.#title.textContent = 'Details';
    this.#panel.replaceChildren(make('p', { class: 'hint' }, 'Choose a row to see all that is known of it.'));
  }

  /** `show`: called with a VM that is chosen. */
  dump(entry: DumpEntry, show: (vm: VmEntry) => void): void {
    const { dump, vms } = entry;
    this.#title.textContent = 'Dump';
    const [pictures, shown] = [vms.filter(({ vm }) => vm.picture !== null).length, vms.slice(0, MOST_VMS)];
    const count = pictures === 0 ? '' : `, ${pictures} with a picture`;
    this.#panel.replaceChildren(
      make('p', {}, statusMark(dump.status)),
      list(factsOfDump(entry)),
      ...titled(
        'Problems',
        dump.problems.map((problem) => make('li', {}, problem)),
      ),
      ...titled(
        `VMs: ${number(vms.length)}${count}`,
        shown.map((vm) => vmItem(vm, show)),
      ),
      ...(shown.length < vms.length ? [make('p', { class: 'hint' }, 'The table of VMs has all.')] : []),
    );
  }

  /** `show`: called when its dump is chosen. */
  vm(entry: VmEntry, show: () => void): void {
    this.#title.textContent = 'VM';
    const { picture, problems } = entry.vm;
    this.#panel.replaceChildren(
      list(factsOfVm(entry)),
      ...(picture === null ? [] : [make('p', {}, pictureLink(picture, nameOf(entry)))]),
      ...titled(
        'Problems',
        problems.map((problem) => make('li', {}, problem)),
      ),
      make('p', {}, button('Show its dump', show)),
    );
  }

  focus(): void {
    this.#title.focus();
  }
}

function vmItem(entry: VmEntry, show: (vm: VmEntry) => void): HTMLElement {
  const { memory, picture } = entry.vm;
  const own = button(nameOf(entry), () => {
    show(entry);
  });
  const size = memory === null ? '' : ` ${bytes(memory)}`;
  return make('li', {}, own, size, ...(picture === null ? [] : [' ', pictureLink(picture, nameOf(entry))]));
}

function button(text: string, pressed: () => void): HTMLElement {
  const made = make('button', { type: 'button', class: 'link' }, text);
  made.addEventListener('click', pressed);
  return made;
}

const list = (facts: readonly Fact[]): HTMLElement =>
  make('dl', {}, ...facts.map(([name, value]) => make('div', {}, make('dt', {}, name), make('dd', {}, value))));

const titled = (title: string, items: readonly HTMLElement[]): HTMLElement[] =>
  items.length === 0 ? [] : [make('h3', {}, title), make('ul', {}, ...items)];
