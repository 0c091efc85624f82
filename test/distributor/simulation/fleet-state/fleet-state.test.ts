import { fleetInMemory } from '../../../../distributor/simulation/fleet-state/fleet-state.ts';
import { campaignStoreSuite } from '../../../port-suites/campaign-store.ts';
import { fleetStateSuite } from '../../../port-suites/fleet-state.ts';

fleetStateSuite('memory', async () => fleetInMemory());
campaignStoreSuite('memory', async () => fleetInMemory());
