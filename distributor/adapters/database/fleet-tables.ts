/**
 * Describes the tables of the fleet's state as queries see them. Times are milliseconds since 1970; structures are JSON
 * text.
 */
import type { Generated } from 'kysely';

export interface FleetTables {
  token: {
    id: string;
    hash: string;
    purpose: string;
    /** JSON array. */
    scopes: string;
    device_id: string | null;
    created_at: number;
    expires_at: number | null;
    uses_left: number | null;
    revoked_at: number | null;
    name: string | null;
    /** Actor, as in the audit log. */
    created_by: string | null;
    last_used_at: number | null;
    /** JSON object: what a token for enrolment gives and asks for; null for nothing. */
    bound: string | null;
    /** JSON object: the scopes of an operator or CI token and where they hold; null where they hold everywhere. */
    reach: string | null;
  };
  /** Keys of links; see LinkStore. */
  link_key: { id: string; secret: string; created_at: number };
  device: {
    /** Short name of the device in the other tables. */
    number: Generated<number>;
    id: string;
    product: string;
    platform: string;
    /** JSON object. */
    labels: string;
    /** JSON object: given with the token or by the server; null for none. */
    given_labels: string | null;
    status: string;
    /** Ed25519, base64url; null for none. */
    public_key: string | null;
    /** JSON array of [created, nonce]: signed requests that could be sent again; null for none. */
    nonces: string | null;
    enrolled_at: number;
    enrolled_by: string;
    site: string | null;
    cluster: string | null;
    role: string;
    updater_version: string | null;
    current_version: string | null;
    current_counter: number | null;
    current_sha256: string | null;
    counter_floor: number;
    phase: string | null;
    /** JSON array of digests; null for none. */
    rejected: string | null;
    acknowledged_through: number;
    /** JSON array of [first, last]: sequences below acknowledged_through that never came. */
    gaps: string | null;
    /** JSON array, the worst first; null where the updater does not tell. */
    troubles: string | null;
    /** `fault/code` of each of them, sorted, with spaces between; null for none. */
    trouble_codes: string | null;
    /** JSON object: which machines asked as this device; null where its updater does not tell. */
    watch: string | null;
    /** JSON object: its K3s or K0s; null where it does not tell. */
    box: string | null;
  };
  /** When a device was heard last: apart from the device, because most checks change nothing else. */
  sighting: { device: number; at: number };
  report: {
    device: number;
    sequence: number;
    received_at: number;
    at: string;
    attempt: string;
    rollout: string | null;
    version: string;
    manifest_sha256: string | null;
    phase: string;
    outcome: string | null;
    code: string | null;
    /** As the device said. */
    fault: string | null;
    message: string | null;
    /** By the device's own clock. */
    next_try_at: string | null;
    bytes_on_wire: number | null;
    full_bytes: number | null;
    resumed_from: number | null;
  };
  campaign: {
    id: Generated<number>;
    rollout: string;
    version: string;
    /** 0 while it is only a name that attempts have. */
    started: number;
    status: string;
    reason: string;
    /** JSON array of opened waves. */
    waves: string;
    generation: number;
    stalled_at: number | null;
    /** When a person took an abort back: failures from before are no evidence. */
    judged_from: number | null;
    created_at: number;
    changed_at: number;
  };
  attempt: {
    campaign: number;
    device: number;
    place: number;
    /** Null where it is the campaign's. */
    offered_version: string | null;
    /** 0 where it never was. */
    offered_at: number;
    /** When a check showed the release running without a report that says so. */
    found_at: number | null;
    generation: number;
    phase: string | null;
    phase_sequence: number;
    outcome: string | null;
    outcome_sequence: number;
    /** When the outcome became known here. */
    settled_at: number | null;
    code: string | null;
    /** Whose fault the outcome is: `release`, `device` or `path`; null for a success and without an outcome. */
    fault: string | null;
    reverted_at: number | null;
    bytes_on_wire: number | null;
    /** Start of the digest of the device's own name for the try whose bytes these are. */
    bytes_of: string | null;
    bytes_sequence: number;
    /** Where `spending` holds a reservation for it. */
    reserved_slot: number | null;
  };
  /** Bytes of a campaign by time; slot 0 is the sum over attempts with a result. */
  spending: {
    campaign: number;
    slot: number;
    bytes: number;
    attempts: number;
    reserved: number;
  };
  applied_plan: {
    id: Generated<number>;
    content_sha256: string;
    revision: string;
    author: string;
    subject: string;
    applied_at: number;
    /** JSON. */
    diff: string;
    /** JSON. */
    plan: string;
  };
  /** Append-only, see the triggers. */
  event: {
    id: Generated<number>;
    at: number;
    actor: string;
    kind: string;
    rollout: string | null;
    version: string | null;
    device_id: string | null;
    reason: string;
    /** JSON object; null for none. */
    facts: string | null;
  };
  /** One row: events before it may be removed; it never goes back. */
  event_retention: { id: number; keep_from: number };
  /** One row: grows with every change of a campaign or the plan. */
  in_force: { id: number; revision: number; plan_sha256: string | null };
}
