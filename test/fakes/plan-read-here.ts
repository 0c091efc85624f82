/**
 * Reads declarations in this thread: the start of another takes longer than what most tests do with the plan. What a
 * thread is for, and that it says the same, is in plan-reader.test.ts.
 */
import { parsePlan } from '../../distributor/declaration/plan.ts';
import type { PlanReader } from '../../distributor/reconcile/ports.ts';

/** A plan passes as JSON, as it does between threads. */
export const planReadHere: PlanReader = async (files) => JSON.parse(JSON.stringify(parsePlan(files)));
