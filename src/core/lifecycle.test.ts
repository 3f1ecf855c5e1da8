import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bindingLifecycle } from '../instruments/binding.ts'
import { diagram, lifecycle, next } from './lifecycle.ts'

const door = lifecycle({
  name: 'door',
  states: ['open', 'shut', 'walled'],
  initial: 'open',
  terminal: ['walled'],
  edges: [
    { on: 'close', from: ['open'], to: 'shut' },
    { on: 'wall', from: ['open', 'shut'], to: 'walled' },
    { on: 'knock', from: ['shut'], to: 'same' },
  ],
})

test('only the edges of the table lead anywhere', () => {
  assert.equal(next(door, 'open', 'close'), 'shut')
  assert.equal(next(door, 'shut', 'knock'), 'shut')
  assert.equal(next(door, 'shut', 'close'), undefined)
  assert.equal(next(door, 'walled', 'knock'), undefined)
})

test('a table that revives a terminal state, or says two things at once, does not load', () => {
  assert.throws(() => lifecycle({ ...door, edges: [{ on: 'close', from: ['walled'], to: 'open' }] }), /revive/)
  assert.throws(() => lifecycle({ ...door, edges: [...door.edges, { on: 'close', from: ['open'], to: 'walled' }] }), /two edges/)
})

test('every state of a binding can be reached, uncertain as an overlay only', () => {
  const reached = new Set<string>(['initiated', 'uncertain'])
  for (const edge of bindingLifecycle.edges) if (edge.to !== 'same') reached.add(edge.to)
  assert.deepEqual([...reached].sort(), [...bindingLifecycle.states].sort())
  assert.match(diagram(bindingLifecycle), /active --> suspended: suspended/)
})
