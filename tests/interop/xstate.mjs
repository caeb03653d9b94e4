// Runs an exported machine in XState, over sequences of events that carry the values of its guards.
//
// Reads {"config": …, "guards": […], "effects": […], "sequences": [[{"event", "guards"}, …], …]} from
// stdin and writes [[["state", ["effect", …]], …], …]: the state after each event, and what was done.

import { readFileSync } from "node:fs";
import { createActor, createMachine } from "xstate";

const asked = JSON.parse(readFileSync(0, "utf8"));

function holds(event, name) {
  if (!(name in event.guards)) {
    throw new Error(`the guard ${name} was not to be asked for at ${event.type}`);
  }
  return event.guards[name];
}

let done = [];
const guards = { and: ({ event }, { guards }) => guards.every((name) => holds(event, name)) };
for (const name of asked.guards) {
  guards[name] = ({ event }) => holds(event, name);
}
const actions = {};
for (const name of asked.effects) {
  actions[name] = () => done.push(name);
}
const machine = createMachine(asked.config, { guards, actions });

function run(sequence) {
  const actor = createActor(machine);
  actor.subscribe({ error: (error) => { throw error; } });
  actor.start();
  return sequence.map(({ event, guards }) => {
    done = [];
    // An actor in a final state has ended; XState would only warn that it hears nothing any more.
    if (actor.getSnapshot().status === "active") {
      actor.send({ type: event, guards });
    }
    return [actor.getSnapshot().value, done];
  });
}

process.stdout.write(JSON.stringify(asked.sequences.map(run)));
