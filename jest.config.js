/** Each project is one layer of proof; `npm test` runs them all, `npm run check` the first three. */
const layer = (name, options = {}) => ({
  displayName: name,
  testEnvironment: 'node',
  testMatch: [`<rootDir>/test/${name}/**/*.test.ts`],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2024', parser: { syntax: 'typescript' } }, module: { type: 'es6' } },
    ],
  },
  ...options,
});

export default {
  projects: [
    layer('unit'),
    layer('contract'),
    layer('scenario'),
    layer('simulation'),
    layer('campaign'),
    layer('e2e'),
  ],
};
