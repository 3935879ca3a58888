/** @jest-config-loader esbuild-register */
import type { Config } from 'jest'

// ES-module-only packages that Node 20 can require() but Jest's CommonJS runtime cannot: they are transpiled.
const esModulesOnly = ['content-disposition', 'cookie', 'fast-check', 'uuid', 'zod']

const swc = (jsx: boolean): Config['transform'] => ({
  '^.+\\.[mc]?[tj]sx?$': [
    '@swc/jest',
    {
      jsc: {
        target: 'es2022',
        parser: { syntax: 'typescript', decorators: true, tsx: jsx },
        transform: {
          legacyDecorator: true,
          decoratorMetadata: true,
          useDefineForClassFields: false,
          react: { runtime: 'automatic' },
        },
        keepClassNames: true,
      },
      module: { type: 'commonjs' },
      sourceMaps: 'inline',
    },
  ],
})

const server = {
  testEnvironment: 'node',
  transform: swc(false),
  transformIgnorePatterns: [`/node_modules/(?!(${esModulesOnly.join('|')})/)`],
} satisfies Config

/** Projects that talk to real servers share one set of them, started before the first test and stopped after the last. */
const withServers = {
  ...server,
  globalSetup: '<rootDir>/server/test/start-servers.ts',
  globalTeardown: '<rootDir>/server/test/stop-servers.ts',
} satisfies Config

const config: Config = {
  testTimeout: 30_000,
  projects: [
    {
      ...server,
      displayName: 'unit',
      testMatch: ['<rootDir>/server/**/*.test.ts'],
      testPathIgnorePatterns: ['/node_modules/', '\\.(api|contract|e2e)\\.test\\.ts$'],
    },
    { ...withServers, displayName: 'contract', testMatch: ['<rootDir>/server/**/*.contract.test.ts'] },
    { ...withServers, displayName: 'api', testMatch: ['<rootDir>/server/**/*.api.test.ts'] },
    { ...withServers, displayName: 'e2e', testMatch: ['<rootDir>/server/test/*.e2e.test.ts'] },
    {
      displayName: 'web',
      testEnvironment: 'jsdom',
      transform: swc(true),
      transformIgnorePatterns: [`/node_modules/(?!(${esModulesOnly.join('|')})/)`],
      testMatch: ['<rootDir>/web/**/*.test.tsx', '<rootDir>/web/**/*.test.ts'],
    },
  ],
}

export default config
