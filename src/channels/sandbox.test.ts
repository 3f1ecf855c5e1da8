import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import { specJudge, specsDirOf } from './judge.ts'
import { startSandbox } from './sandbox-client.ts'

const entry = join(import.meta.dirname, 'sandbox.ts')

test('the sandbox serves every simulator on a port of its own and says whether it is judged', async () => {
  const sandbox = await startSandbox({ stripe: { formerSigning: ['whsec_a'] } })
  try {
    assert.equal(sandbox.specJudge, specJudge(specsDirOf()))
    assert.ok(sandbox.addresses.has('stripe'))
    assert.equal(new Set(sandbox.addresses.values()).size, sandbox.addresses.size)
    await sandbox.addFault('stripe', { match: { path: '/v1/customers' }, fault: 'error_before', times: 1 })
    const answer = await fetch(`${sandbox.addresses.get('stripe')}/v1/customers`, { method: 'POST' })
    assert.equal(answer.status, 500)
    assert.deepEqual(await sandbox.books('stripe'), { effects: [], held: [] })
    assert.deepEqual(await sandbox.violations('stripe'), [])
    await assert.rejects(sandbox.act('stripe', 'detach', 'pm_none'), /400/)
    await assert.rejects(sandbox.books('nobody'), /no simulator/)
  } finally {
    await sandbox.close()
  }
})

test('the sandbox ends with its parent, even one that was killed', async () => {
  const script = `import { startSandbox } from ${JSON.stringify(join(import.meta.dirname, 'sandbox-client.ts'))}
    const sandbox = await startSandbox({})
    console.log(sandbox.addresses.get('stripe'))
    setInterval(() => {}, 1000)`
  const parent = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = await once(parent.stdout, 'data')
  const address = String(line).trim()
  assert.equal((await fetch(`${address}/_sandbox/faults`)).status, 200)
  parent.kill('SIGKILL')
  for (let i = 0; i < 100; i += 1) {
    const alive = await fetch(`${address}/_sandbox/faults`).then(
      () => true,
      () => false,
    )
    if (!alive) return
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  assert.fail('the sandbox outlived its parent')
})

test('settings that are not what they should be stop the sandbox with a sentence', async () => {
  const child = spawn(process.execPath, [entry], {
    env: { ...process.env, SANDBOX: '{"simulators":{"stripe":{"port":-1}}}' },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.on('data', chunk => {
    said += String(chunk)
  })
  const [code] = await once(child, 'exit')
  assert.equal(code, 1)
  assert.match(said, /SANDBOX is not what it should be/)
})
