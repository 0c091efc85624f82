/** `/openapi.json`: this API, made from the schemas that the routes themselves use. */
import type { App } from '../app.ts';

export function openapiRoute(app: App): void {
  app.get('/openapi.json', { schema: { hide: true } }, async (_request, reply) => reply.send(app.swagger()));
}
