// SPDX-License-Identifier: Apache-2.0
import type { Profile } from '../types/profile.js';

/** Layout profiles that are shipped with the program, by kernel release. */
const PROFILES: Readonly<Record<string, () => Promise<{ default: unknown }>>> = {
  '5.10.0-32-amd64': () => import('./5.10.0-32-amd64.json', { with: { type: 'json' } }),
  '6.1.0-50-amd64': () => import('./6.1.0-50-amd64.json', { with: { type: 'json' } }),
  '6.12.107+deb13-amd64': () => import('./6.12.107+deb13-amd64.json', { with: { type: 'json' } }),
  '7.2.13+deb14-amd64': () => import('./7.2.13+deb14-amd64.json', { with: { type: 'json' } }),
};

/** The shipped profile of a kernel release; null if there is none. The caller must check that the build is the same. */
export async function shippedProfile(release: string): Promise<Profile | null> {
  const load = Object.hasOwn(PROFILES, release) ? PROFILES[release] : undefined;
  return load === undefined ? null : ((await load()).default as Profile);
}
