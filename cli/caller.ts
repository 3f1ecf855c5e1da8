/** Requests of the command line to a Bindery server: `BINDERY_URL` (http://127.0.0.1:8080 without it) with the key of `BINDERY_API_KEY`. */
import { z } from 'zod'

export type Caller = {
  json(method: string, path: string, body?: object): Promise<Record<string, unknown>>
  text(path: string): Promise<string>
  put(path: string, body: Buffer): Promise<Record<string, unknown>>
}

/** A mistake of whoever typed the command, or an answer that says no: told without a stack. */
export class CliError extends Error {
  override readonly name = 'CliError'
}

const problem = z.looseObject({ detail: z.string() })

export function callerOf(environment: Readonly<Record<string, string | undefined>>): Caller {
  const url = (environment.BINDERY_URL ?? 'http://127.0.0.1:8080').replace(/\/+$/, '')
  const key = environment.BINDERY_API_KEY
  if (key === undefined || key === '') throw new CliError('BINDERY_API_KEY is not set: give a secret key, such as BINDERY_API_KEY=sk_test_…')
  const ask = async (method: string, path: string, body?: Buffer | string, type?: string): Promise<string> => {
    const headers = { authorization: `Bearer ${key}`, ...(type === undefined ? {} : { 'content-type': type }) }
    const init = body === undefined ? { method, headers } : { method, headers, body: typeof body === 'string' ? body : new Uint8Array(body) }
    const response = await fetch(url + path, init).catch(() => {
      throw new CliError(`${url} does not answer: is the server running? BINDERY_URL says where it is.`)
    })
    const text = await response.text()
    if (response.ok) return text
    const read = problem.safeParse(parsed(text))
    throw new CliError(`${method} ${path}: ${response.status} ${read.success ? read.data.detail : ''}`)
  }
  const asObject = (text: string): Record<string, unknown> => z.record(z.string(), z.unknown()).parse(JSON.parse(text))
  return {
    json: async (method, path, body) => asObject(await ask(method, path, body && JSON.stringify(body), body && 'application/json')),
    text: path => ask('GET', path),
    put: async (path, body) => asObject(await ask('PUT', path, body, 'application/octet-stream')),
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
