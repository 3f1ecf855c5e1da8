import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Problem } from '../core/problem.ts'
import { admit, nobody } from './auth.ts'
import { endpoint, nothing } from './endpoint.ts'
import { actions, may, roles } from './role.ts'

const plain = { method: 'GET', path: '/v1/x', name: 'x', summary: 'x', tag: 'x', params: nothing, query: nothing, body: nothing } as const
const more = { answers: {}, handle: async () => ({ status: 200, body: {} }) }

test('an endpoint that asks for a key without naming an action, or an action nobody knows, does not compile', () => {
  // @ts-expect-error: no action.
  endpoint({ ...plain, ...more, auth: 'secret' })
  // @ts-expect-error: no such action.
  endpoint({ ...plain, ...more, auth: 'secret', action: 'instruments.everything' })
  // @ts-expect-error: an action of nobody's.
  endpoint({ ...plain, ...more, auth: 'none', action: 'instruments.read' })
  endpoint({ ...plain, ...more, auth: 'secret', action: 'instruments.read' })
})

test('an owner may do all, an auditor changes nothing, and a browser may ask for captures alone', () => {
  for (const action of actions) assert.ok(granted('owner').includes(action), action)
  assert.deepEqual(
    granted('auditor').filter(action => !action.endsWith('.read')),
    [],
  )
  assert.deepEqual(granted('browser'), ['captures.grant'])
  assert.ok(roles.every(role => role === 'owner' || granted(role).length < actions.length))
})
const granted = (role: (typeof roles)[number]): readonly string[] => actions.filter(action => isKnown(action) && may(role, action))
const isKnown = (action: string): action is Parameters<typeof may>[1] => actions.includes(action)

test('a refusal names the permission that is missing', () => {
  const caller = { ...nobody, kind: 'secret', role: 'support' } as const
  assert.throws(
    () => admit(caller, { auth: 'secret', action: 'instruments.erase' }),
    (error: unknown) => error instanceof Problem && error.code === 'forbidden' && error.members.permission === 'instruments.erase',
  )
  admit(caller, { auth: 'secret', action: 'instruments.read' })
})
