// SPDX-License-Identifier: Apache-2.0

/** The script of a page (src/picture/ or src/report-page/, bundled) and its style sheet. */
export interface Assets {
  readonly script: string;
  readonly style: string;
  /** Notices that the licences of what is bundled in the script require. */
  readonly licences: string;
  /** The version of the program. */
  readonly version: string;
}

/** Set by the build: as JSON, which the compiler has to read only as one text. */
declare const KVM_VTOP_PAGES: string;
declare const KVM_VTOP_VERSION: string;

/** The assets of a page. They are part of the built program alone. */
export const assetsOf = (page: 'picture' | 'report'): Assets => ({
  ...(JSON.parse(KVM_VTOP_PAGES) as Readonly<Record<typeof page, Omit<Assets, 'version'>>>)[page],
  version: KVM_VTOP_VERSION,
});
