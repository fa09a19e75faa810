// SPDX-License-Identifier: Apache-2.0
import type { Profile } from '../types/profile.js';

/** The profiles that come with the program, by release. */
const PROFILES: Readonly<Record<string, () => Promise<{ default: unknown }>>> = {
  '5.10.0-32-amd64': () => import('./5.10.0-32-amd64.json', { with: { type: 'json' } }),
  '6.1.0-50-amd64': () => import('./6.1.0-50-amd64.json', { with: { type: 'json' } }),
  '6.12.107+deb13-amd64': () => import('./6.12.107+deb13-amd64.json', { with: { type: 'json' } }),
  '7.2.13+deb14-amd64': () => import('./7.2.13+deb14-amd64.json', { with: { type: 'json' } }),
};

/** The profile of a release; null when none is shipped. Whether it is of the very build is the caller's to check. */
export async function shippedProfile(release: string): Promise<Profile | null> {
  const load = Object.hasOwn(PROFILES, release) ? PROFILES[release] : undefined;
  return load === undefined ? null : ((await load()).default as Profile);
}
