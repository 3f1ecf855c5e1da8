/** One keep-alive HTTP/1.1 connection with one request at a time: as lean as can be, so that the load generator is not what is measured. */
import { connect, type Socket } from 'node:net'

export type Reply = { readonly status: number; readonly body: string }
export type Wire = { send(head: string, body: string): Promise<Reply>; close(): void }

/** `head`: request line and headers without content-length, each with its line end. */
export async function openWire(url: URL): Promise<Wire> {
  const socket = connect(Number(url.port), url.hostname)
  socket.setNoDelay(true)
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', () => resolve())
    socket.once('error', reject)
  })
  return wireOf(socket)
}

function wireOf(socket: Socket): Wire {
  let held = ''
  let waiting: { readonly resolve: (reply: Reply) => void; readonly reject: (error: Error) => void } | undefined
  const fail = (error: Error): void => {
    waiting?.reject(error)
    waiting = undefined
  }
  socket.on('data', (chunk: Buffer) => {
    held = held === '' ? chunk.toString('latin1') : held + chunk.toString('latin1')
    const reply = read(held)
    if (reply === undefined || waiting === undefined) return
    const { resolve } = waiting
    held = ''
    waiting = undefined
    resolve(reply)
  })
  socket.on('error', fail)
  socket.on('close', () => fail(new Error('the connection was closed')))
  return {
    send(head, body) {
      return new Promise((resolve, reject) => {
        waiting = { resolve, reject }
        socket.write(`${head}content-length: ${body.length}\r\n\r\n${body}`, 'latin1')
      })
    },
    close: () => socket.destroy(),
  }
}

const lengthLine = /\r\ncontent-length: *(\d+)\r\n/i

/** A whole answer, or undefined while more of it is to come. */
function read(text: string): Reply | undefined {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const length = lengthLine.exec(text.slice(0, end + 2))
  if (length === null) throw new Error(`an answer without its length: ${text.slice(0, 200)}`)
  const body = text.slice(end + 4)
  return body.length < Number(length[1]) ? undefined : { status: Number(text.slice(9, 12)), body }
}
