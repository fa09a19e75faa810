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

/** Set by the build. */
declare const KVM_VTOP_PAGES: Readonly<Record<'picture' | 'report', Omit<Assets, 'version'>>>;
declare const KVM_VTOP_VERSION: string;

/** The assets of a page. They are part of the built program alone. */
export const assetsOf = (page: 'picture' | 'report'): Assets => ({
  ...KVM_VTOP_PAGES[page],
  version: KVM_VTOP_VERSION,
});
