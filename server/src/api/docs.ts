/** GET /openapi.json and the page at /docs. */
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { Api } from './context.ts'
import { DOCS_POLICY } from './security.ts'

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

export async function docsRoutes(app: Api): Promise<void> {
  app.get('/openapi.json', { config: { scope: 'public' }, schema: { hide: true } }, async () => app.swagger())
  await app.register(async (docs) => {
    docs.addHook('onRoute', (route) => {
      route.config = { ...route.config, scope: 'public' }
    })
    await docs.register(swaggerUi, { routePrefix: '/docs', staticCSP: DOCS_POLICY })
  })
}
