/** `GET /v1/login` says where people sign in, to who is nobody yet. */
import type { App } from '../http/fastify-app.ts';
import { loginViewOf, loginViewSchema } from '../people/login-view.ts';
import type { Services } from '../services.ts';

export function loginRoute(app: App, { people }: Services): void {
  app.get(
    '/v1/login',
    {
      schema: {
        operationId: 'listLogins',
        tags: ['tokens'],
        summary: 'Where people sign in for a bearer that this server takes',
        response: { 200: loginViewSchema },
      },
    },
    async () => loginViewOf(people?.issuers ?? []),
  );
}
