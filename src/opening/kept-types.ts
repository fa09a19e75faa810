// SPDX-License-Identifier: Apache-2.0
import type { KeptAnswers } from '../core/kept.js';
import { KeptTypes } from '../types/kept-types.js';
import type { OwnTypes } from './btf.js';

/** The kernel's own types, whose answers are kept. `open` is called when something is asked that is not: it throws what `ownTypes` does. */
export function keptTypes(kept: KeptAnswers, open: () => OwnTypes): OwnTypes {
  let opened: OwnTypes | null = null;
  const own = (): OwnTypes => {
    opened ??= open();
    return opened;
  };
  const known = kept.get('source');
  const source = typeof known === 'string' ? known : own().types.source;
  if (source !== known) kept.set('source', source);
  return {
    // It changes if the BTF of a module turns out to be damaged.
    types: new KeptTypes(
      kept,
      () => opened?.types.source ?? source,
      () => own().types,
    ),
    ofModule: (name) => own().ofModule(name),
  };
}
