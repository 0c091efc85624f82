/** Names each schema of the API in its document, so that generated clients have types with names of the field. */
import * as z from 'zod';
import {
  checkAnswerSchema,
  checkRequestSchema,
  installedReleaseSchema,
  offerSchema,
  troubleSchema,
} from '../../contract/device-api/check.ts';
import { enrolAnswerSchema, enrolRequestSchema } from '../../contract/device-api/enrolment.ts';
import {
  keyAnswerSchema,
  keyRequestSchema,
  sessionAnswerSchema,
  sessionRequestSchema,
} from '../../contract/device-api/identity.ts';
import { reportSchema, reportsAnswerSchema, reportsRequestSchema } from '../../contract/device-api/report.ts';
import { planProblemSchema } from '../declaration/problem.ts';
import { eventPageSchema, eventViewSchema } from '../events/view.ts';
import { rolloutExplanationSchema, whyViewSchema } from '../explanation/view.ts';
import { callerViewSchema } from '../fleet/access/caller-view.ts';
import { tokenOrderSchema } from '../fleet/access/token-order.ts';
import { madeTokenSchema, tokenPageSchema, tokenStandingSchema, tokenViewSchema } from '../fleet/access/token-view.ts';
import {
  deviceDetailSchema,
  devicePageSchema,
  deviceStandingSchema,
  deviceViewSchema,
  labelledDeviceSchema,
} from '../fleet/view.ts';
import { becauseSchema } from '../http/because.ts';
import { loginViewSchema } from '../people/login-view.ts';
import { appliedPlanViewSchema, planAnswerSchema, planChangeSchema } from '../reconcile/applied-plan.ts';
import { overlapSchema, rolloutListSchema, rolloutViewSchema, waveViewSchema } from '../rollout/campaigns/view.ts';
import { labelChangesSchema } from './devices.ts';
import { eventKindsSchema } from './events.ts';
import { livenessSchema, readinessSchema } from './health.ts';
import { planHistorySchema, planViewSchema, sentPlanSchema } from './plan.ts';

export const openapiDocumentSchema = z.looseObject({ openapi: z.string() });

export const schemaNames = z.registry<{ id: string }>();

for (const [id, schema] of Object.entries({
  CheckRequest: checkRequestSchema,
  CheckAnswer: checkAnswerSchema,
  Offer: offerSchema,
  InstalledRelease: installedReleaseSchema,
  Trouble: troubleSchema,
  EnrolRequest: enrolRequestSchema,
  EnrolAnswer: enrolAnswerSchema,
  DeviceKeyRequest: keyRequestSchema,
  DeviceKeyAnswer: keyAnswerSchema,
  SessionRequest: sessionRequestSchema,
  SessionAnswer: sessionAnswerSchema,
  Report: reportSchema,
  ReportsRequest: reportsRequestSchema,
  ReportsAnswer: reportsAnswerSchema,
  Device: deviceViewSchema,
  DeviceDetail: deviceDetailSchema,
  DevicePage: devicePageSchema,
  DeviceStanding: deviceStandingSchema,
  LabelledDevice: labelledDeviceSchema,
  LabelChanges: labelChangesSchema,
  DeviceExplanation: whyViewSchema,
  RolloutExplanation: rolloutExplanationSchema,
  Rollout: rolloutViewSchema,
  RolloutList: rolloutListSchema,
  RolloutOverlap: overlapSchema,
  Wave: waveViewSchema,
  Reason: becauseSchema,
  Plan: planViewSchema,
  PlanHistory: planHistorySchema,
  PlanAnswer: planAnswerSchema,
  PlanChange: planChangeSchema,
  PlanProblem: planProblemSchema,
  AppliedPlan: appliedPlanViewSchema,
  SentPlan: sentPlanSchema,
  Token: tokenViewSchema,
  Caller: callerViewSchema,
  LoginPlaces: loginViewSchema,
  TokenOrder: tokenOrderSchema,
  TokenPage: tokenPageSchema,
  TokenStanding: tokenStandingSchema,
  MadeToken: madeTokenSchema,
  Event: eventViewSchema,
  EventKinds: eventKindsSchema,
  EventPage: eventPageSchema,
  Liveness: livenessSchema,
  Readiness: readinessSchema,
  OpenApiDocument: openapiDocumentSchema,
})) {
  schemaNames.add(schema, { id });
}
