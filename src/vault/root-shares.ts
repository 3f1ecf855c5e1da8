/**
 * The root in shares: a vault that starts is locked, holds nothing and serves nobody until enough custodians have given theirs, each by
 * `npx bindery vault unseal`, over a Unix socket that only this user opens. What was given is in memory only, and zeroed once put together.
 */
import { createSecretKey } from 'node:crypto'
import { chmodSync, mkdirSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { dirname } from 'node:path'
import { keyRoot, type Root } from './root.ts'
import type { Random } from './seal.ts'
import { BadShare, joinShares, readShare, type Share } from './shares.ts'

const lineBytesMax = 512
const connectionsMax = 16

/** What a custodian is told: how many were given of how many, or what is wrong. */
export type Told = { readonly given: number; readonly needed: number; readonly unsealed: boolean } | { readonly problem: string }

export type Gathering = {
  /** Takes one share; the last one that is needed gives the root. Throws `BadShare`. */
  give(text: string): Told & { readonly root?: Root }
}

/** `wanted`: the name of the root that the operator expects; shares of another root are refused, and what was given is forgotten. */
export function gatherShares(random: Random, wanted: string | undefined): Gathering {
  let given: readonly Share[] = []
  const forget = (): void => {
    for (const one of given) one.value.fill(0)
    given = []
  }
  return {
    give(text) {
      const share = readShare(text)
      const [first] = given
      if (first !== undefined && !first.ceremony.equals(share.ceremony)) throw new BadShare('this share is of another ceremony')
      if (given.some(one => one.index === share.index)) throw new BadShare(`share ${share.index} was given already`)
      given = [...given, share]
      if (given.length < share.needed) return { given: given.length, needed: share.needed, unsealed: false }
      try {
        const key = joinShares(given)
        const root = keyRoot('shares', createSecretKey(key), random)
        key.fill(0)
        if (wanted !== undefined && wanted !== root.name)
          throw new BadShare(`these shares give the root ${root.name}, and ${wanted} is wanted`)
        return { given: given.length, needed: share.needed, unsealed: true, root }
      } finally {
        // Whoever gave a wrong one cannot be told from the others: all are asked again.
        forget()
      }
    },
  }
}

/** Resolves once enough shares were given. One line is one share; the answer is a line of JSON (`Told`). */
export function rootOfShares(at: {
  readonly socketPath: string
  readonly random: Random
  readonly name: string | undefined
  /** Told when shares can be given. */
  locked(socketPath: string): void
}): Promise<Root> {
  mkdirSync(dirname(at.socketPath), { recursive: true, mode: 0o700 })
  rmSync(at.socketPath, { force: true })
  const gathering = gatherShares(at.random, at.name)
  return new Promise((resolve, reject) => {
    const sockets = new Set<Socket>()
    const server = createServer(socket => {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket)).on('error', () => socket.destroy())
      readLine(socket, text => {
        const { root, ...told } = answerTo(gathering, text)
        socket.end(`${JSON.stringify(told)}\n`)
        if (root === undefined) return
        server.close(() => rmSync(at.socketPath, { force: true }))
        resolve(root)
      })
    })
    server.maxConnections = connectionsMax
    server.once('error', reject)
    const mask = process.umask(0o177)
    server.listen(at.socketPath, () => {
      chmodSync(at.socketPath, 0o600)
      at.locked(at.socketPath)
    })
    process.umask(mask)
  })
}

function answerTo(gathering: Gathering, text: string): Told & { readonly root?: Root } {
  try {
    return gathering.give(text)
  } catch (error) {
    if (error instanceof BadShare) return { problem: error.message }
    throw error
  }
}

function readLine(socket: Socket, use: (text: string) => void): void {
  let text = ''
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1')
    chunk.fill(0)
    if (text.length > lineBytesMax) socket.destroy()
    else if (text.includes('\n')) {
      socket.removeAllListeners('data')
      use(text.slice(0, text.indexOf('\n')))
    }
  })
}
