/** GET /openapi.json and the page at /docs. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import swagger from '@fastify/swagger'
import type { RouteHandlerMethod } from 'fastify'
import type { Api } from './context.ts'
import { DOCS_POLICY } from './security.ts'
import { type SharedAnswer, sendShared, sharedAnswer, sharedFile } from './sharedFiles.ts'

/** Writes down every route that is registered after it. */
export async function describe(app: Api, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Barometer',
        version,
        description:
          'Reads the mood of what people write and of what machines report, logs every prediction durably, and watches its own models. Every address also answers under /v1.',
      },
      tags: [
        { name: 'predict', description: 'Score texts and explain the answers' },
        { name: 'feedback', description: 'True labels' },
        { name: 'log', description: 'What was predicted' },
        { name: 'models', description: 'Versions and their stages' },
        { name: 'service', description: 'Health, metrics, sign-in' },
      ],
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', description: 'An API key: Authorization: Bearer bk_…' },
          apiKey: { type: 'apiKey', in: 'header', name: 'x-api-key' },
        },
      },
      security: [{ bearer: [] }, { apiKey: [] }],
    },
    refResolver: {
      buildLocalReference: ({ $id }, _base, _fragment, i) => (typeof $id === 'string' ? $id : `schema-${i}`),
    },
    // Every address answers under /v1 too; it is described once.
    transform: ({ schema, url }) => ({ schema: url.startsWith('/v1/') ? { ...schema, hide: true } : schema, url }),
  })
}

/** Where @fastify/swagger-ui keeps the files of Swagger UI. Its own routes make the documents anew for every request. */
const files = fileURLToPath(new URL('static/', import.meta.resolve('@fastify/swagger-ui')))

/** What the page loads; they change with the version of Barometer only. */
const assets = [
  'swagger-ui.css',
  'index.css',
  'swagger-ui-bundle.js',
  'swagger-ui-standalone-preset.js',
  'favicon-16x16.png',
  'favicon-32x32.png',
]

const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Barometer API</title>
    <link rel="stylesheet" href="/docs/static/swagger-ui.css">
    <link rel="stylesheet" href="/docs/static/index.css">
    <link rel="icon" type="image/svg+xml" href="/favicon.svg">
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="/docs/static/swagger-ui-bundle.js"></script>
    <script src="/docs/static/swagger-ui-standalone-preset.js"></script>
    <script src="/docs/static/start.js"></script>
  </body>
</html>
`

const START = `window.ui = SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  persistAuthorization: false,
  presets: [SwaggerUIBundle.presets.apis],
  layout: 'BaseLayout',
})
`

export function docsRoutes(app: Api): void {
  const hidden = { config: { scope: 'public' }, schema: { hide: true } } as const
  const json = constant(() => sharedAnswer(JSON.stringify(app.swagger()), 'openapi.json'))
  app.get('/openapi.json', hidden, json)
  app.get('/docs/json', hidden, json)
  // JSON is YAML, too (YAML 1.2, 1.3); to write it the other way would stop the server for a third of a second.
  app.get(
    '/docs/yaml',
    hidden,
    constant(() => ({ ...sharedAnswer(JSON.stringify(app.swagger()), 'openapi.yaml'), type: 'application/yaml' })),
  )
  const page = sharedAnswer(PAGE, 'index.html')
  app.get('/docs', hidden, (request, reply) =>
    sendShared(page, request, reply.header('content-security-policy', DOCS_POLICY)),
  )
  app.get(
    '/docs/static/start.js',
    hidden,
    constant(() => sharedAnswer(START, 'start.js')),
  )
  for (const name of assets) app.get(`/docs/static/${name}`, hidden, sharedFile(join(files, name), 'no-cache'))
}

/** A handler for what is made at the first request and sent as it is ever after. */
function constant(make: () => SharedAnswer): RouteHandlerMethod {
  let answer: SharedAnswer | null = null
  return (request, reply) => sendShared((answer ??= make()), request, reply)
}
