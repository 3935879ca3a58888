// Who may import whom. A folder that no rule here knows may import nothing: give it its place first.
// Checked by `npm run lint`; server/test/boundaries.test.ts plants a fault for every rule.
const swc = require('@swc/core')

// dependency-cruiser's own TypeScript reader needs a TypeScript before 7; its swc reader does not know .tsx unless it is told
const parseFileSync = swc.parseFileSync
swc.parseFileSync = (file, options) => parseFileSync(file, { ...options, tsx: file.endsWith('.tsx') })

/** Level 0: known to all, knows nobody. */
const ROOT = ['config', 'errors']
/** Level 1: each stands alone; connections are handed in. */
const FLOOR = ['graphql', 'db', 'jobs', 'pubsub', 'mail', 'secrets']
/** Level 2, in the one order: a feature imports only from those before it. */
const FEATURES = [
  'auth',
  'audit',
  'profiles',
  'settings',
  'mailboxes',
  'owners',
  'alerts',
  'test-runs',
  'activities',
  'sync',
  'forwarding',
]
/** Level 3: what is put together from all the others. `demo` and `test` are folders, the rest are files. */
const TOP = [
  'app',
  'main',
  'worker',
  'cli',
  'http',
  'websocket',
  'http-auth',
  'http-export',
  'csv-row',
  'process',
  'install',
]

/**
 * Files of a feature that another one may import beside its *.entity.ts and *.service.ts: the enums of Mailbox, which stand in
 * a file of their own for their number, and the way in which mailboxes are selected, which owners, alerts and test runs share.
 */
const ALSO = {
  owners: ['mailboxes/mailbox\\.enums', 'mailboxes/mailbox-selection'],
  alerts: ['mailboxes/mailbox\\.enums', 'mailboxes/mailbox-selection'],
  'test-runs': ['mailboxes/mailbox\\.enums', 'mailboxes/mailbox\\.inputs', 'mailboxes/mailbox-selection'],
}

const WEB_BASE = ['gql', 'lib', 'ui']
const WEB_FEATURES = ['alerts', 'mailboxes', 'profiles', 'test-runs']
/** Put features together: the pages, and the frame around them with its counts. */
const WEB_PAGES = ['pages', 'frame']
const WEB_TOP = ['app', 'main', 'urql', 'vite\\.config']

const any = (names) => `(${names.join('|')})`
const files = (names) => `^server/${any(names)}\\.(ts|mjs)$`
/** Tests, the contracts they run, and what only they use. */
const TESTS = ['\\.(test|contract)\\.tsx?$', '^(server|web)/test/', '^server/mail/(probe-cases|scripted-servers)\\.ts$']

const rule = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to })
/** A rule for the product itself: tests may reach what they test. */
const forbid = (name, comment, from, to, except = []) =>
  rule(name, comment, { path: from, pathNot: [...TESTS, ...except] }, to)

const TRANSACTION = '^server/db/transaction\\.ts$'
const SIGNALS = '^server/pubsub/signals\\.ts$'

const server = [
  forbid('level-0-knows-nobody', 'config and errors import nothing of ours', files(ROOT), { path: '^(server|web)/' }),
  forbid(
    'level-1-stands-alone',
    'graphql, db, jobs, pubsub, mail and secrets know no feature and not each other',
    `^server/${any(FLOOR)}/`,
    { path: '^server/', pathNot: ['^server/$1/', files(ROOT)] },
    [TRANSACTION],
  ),
  forbid(
    'transaction-names-signals',
    'the one exception: a transaction names the signals it collects, as types (boundaries.test.ts)',
    TRANSACTION,
    { path: '^server/', pathNot: ['^server/db/', files(ROOT), SIGNALS] },
  ),
  forbid('features-know-no-top', 'a feature imports features and what lies below', `^server/${any(FEATURES)}/`, {
    path: '^server/',
    pathNot: [`^server/${any([...FLOOR, ...FEATURES])}/`, files(ROOT)],
  }),
  ...FEATURES.slice(0, -1).map((feature, index) =>
    forbid(
      `left-of-${feature}`,
      `${feature} imports no feature that comes after it: ${FEATURES.join(' <- ')}`,
      `^server/${feature}/`,
      { path: `^server/${any(FEATURES.slice(index + 1))}/` },
    ),
  ),
  ...FEATURES.map((feature) =>
    forbid(
      `inside-others-${feature}`,
      'of another feature only *.entity.ts and *.service.ts are imported',
      `^server/${feature}/`,
      {
        path: `^server/${any(FEATURES)}/`,
        pathNot: [
          `^server/${feature}/`,
          '\\.(entity|service)\\.ts$',
          ...(ALSO[feature] ?? []).map((file) => `^server/${file}\\.ts$`),
        ],
      },
    ),
  ),
  forbid('nobody-imports-an-entrance', 'main, worker and cli are started, not imported', '^server/', {
    path: files(['main', 'worker', 'cli']),
  }),
  forbid('product-without-demo', 'the product runs without the demo', '^server/', { path: '^server/demo/' }, [
    '^server/demo/',
  ]),
  forbid(
    'server-has-known-rooms',
    'a new folder or file at the top of server/ gets its place in this file first',
    '^server/',
    {},
    [files([...ROOT, ...TOP]), `^server/${any([...FLOOR, ...FEATURES, 'demo'])}/`],
  ),
  forbid('server-without-tools', 'what a server imports is installed with it', '^server/', {
    dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'],
  }),
]

const web = [
  rule(
    'web-without-server',
    'schema.graphql is the only contract between them',
    { path: '^web/' },
    { path: '^server/' },
  ),
  rule(
    'server-without-web',
    'the server serves the built files and knows no source',
    { path: '^server/' },
    { path: '^web/' },
  ),
  forbid('web-base-knows-no-feature', 'gql, lib and ui know no feature and no page', `^web/${any(WEB_BASE)}/`, {
    path: '^web/',
    pathNot: `^web/${any(WEB_BASE)}/`,
  }),
  forbid('web-lib-without-ui', 'lib shows nothing', '^web/(lib|gql)/', { path: '^web/ui/' }),
  forbid('web-features-stand-alone', 'a page puts features together', `^web/${any(WEB_FEATURES)}/`, {
    path: '^web/',
    pathNot: ['^web/$1/', `^web/${any(WEB_BASE)}/`],
  }),
  forbid(
    'web-pages-below-app',
    'a page or the frame knows no other of them and not the app',
    `^web/${any(WEB_PAGES)}/`,
    {
      path: '^web/',
      pathNot: ['^web/$1/', `^web/${any([...WEB_BASE, ...WEB_FEATURES])}/`],
    },
  ),
  forbid(
    'web-has-known-rooms',
    'a new folder or file at the top of web/ gets its place in this file first',
    '^web/',
    {},
    [`^web/${any(WEB_TOP)}\\.m?tsx?$`, `^web/${any([...WEB_BASE, ...WEB_FEATURES, ...WEB_PAGES])}/`],
  ),
]

const everywhere = [
  rule('no-cycle', 'neither of two files can be understood without the other', {}, { circular: true }),
  forbid('product-without-tests', 'nothing but tests imports what is for tests', '^(server|web)/', { path: TESTS }),
  rule(
    'nothing-missing',
    'every import leads to a file; web/gql is generated, and so are its imports',
    { pathNot: '^web/gql/' },
    { couldNotResolve: true, pathNot: '/gql/' },
  ),
]

module.exports = {
  forbidden: [...server, ...web, ...everywhere],
  options: {
    parser: 'swc',
    // imports of types are imports: a feature that needs a type of a later one depends on it all the same
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.tsx', '.mts', '.js', '.mjs', '.cjs', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
}
