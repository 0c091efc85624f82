/** Runs `slipway-edge act` as a program of its own, which loads nothing that talks to a server; see start.ts. */
import { StopSignals } from '../system/command-line/stop-signals.ts';
import { runCommandLine } from './command-line.ts';
import { addAct } from './commands/act.ts';
import { actUntilIdle } from './wiring/open-actor.ts';

const stop = new StopSignals();
stop.listen();
await runCommandLine((program) => addAct(program, { act: actUntilIdle, signal: stop.signal }), stop);
