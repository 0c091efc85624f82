/** What a check-in is compared with: the same framework, and one route that reads nothing and answers a constant. */
import Fastify from 'fastify';

const app = Fastify();
app.post('/v1/devices/:id/check', async () => ({ decision: 'none', reason: 'no-rollout', detail: 'product=shop' }));
process.stdout.write(`${JSON.stringify({ listening: await app.listen({ host: '127.0.0.1', port: 0 }) })}\n`);
