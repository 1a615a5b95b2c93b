import { contentHash } from './hash.ts';

/** Hash of the content of a NoCloud seed: equal content, equal hash, so that a seed is rewritten only on change. */
export const seedHash = (seed: { metaData: string; networkConfig: string; userData: string }): string =>
  contentHash({ metaData: seed.metaData, networkConfig: seed.networkConfig, userData: seed.userData });
