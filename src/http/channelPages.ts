/** `/docs/channels`: the capability matrix and the sandbox's values for people, read off the channels when somebody asks. */
import type { Channel } from '../channels/channel.ts'
import { type Capability, capabilityOf } from '../channels/matrix.ts'
import { refusalCatalogue } from '../channels/refusal.ts'
import { escaped, html } from './html.ts'
import type { Page } from './pages.ts'

export const channelPages = (channels: Iterable<Channel>): readonly Page[] => [
  { path: '/docs/channels', answer: () => html('Channels', `<main class="wide">${page([...channels])}</main>`) },
]

function page(channels: readonly Channel[]): string {
  const all = channels.map(capabilityOf)
  const shapes = [...new Set(all.flatMap(one => one.shapes))]
  return [
    '<h1>Channels</h1><p>What each channel can do, read off the channel itself. The same as JSON: <code>GET /v1/channels</code>, or <code>npx bindery channels --json</code>.</p>',
    table(
      ['channel', ...shapes],
      all.map(one => [one.title, ...shapes.map(shape => (one.shapes.includes(shape) ? kindsBy(one, shape) : ''))]),
    ),
    '<h2>Operations</h2><p>How each may be repeated after a lost answer: under its key while the channel remembers it, harmlessly so many times, or never, and then it is looked up.</p>',
    table(['channel', 'operations', 'look-up', 'currencies', 'webhook', 'proof'], all.map(facts)),
    '<h2>Sandbox values</h2><p>What makes a simulated channel do something on purpose. With the bodies to send: <code>GET /v1/sandbox/values</code>.</p>',
    table(['channel', 'value', 'shape', 'what is given', 'outcome', 'from'], channels.flatMap(values)),
    '<h2>Refusals</h2>',
    table(
      ['category', 'retry', 'meaning'],
      Object.entries(refusalCatalogue).map(([name, { retry, meaning }]) => [name, retry, meaning]),
    ),
  ].join('\n')
}

const kindsBy = ({ ways }: Capability, shape: string): string =>
  [...new Set(ways.filter(one => one.shape === shape).map(one => one.kind))].join(', ')

function facts(one: Capability): readonly string[] {
  const operations = one.operations.map(
    each => `${each.name}: ${each.repeat}${each.window_seconds === null ? '' : ` ${each.window_seconds / 3_600} h`}`,
  )
  const currencies = one.currencies.map(each => `${each.code} ${each.places}`)
  const shown = currencies.length > 12 ? `${currencies.length} currencies` : currencies.join(', ')
  const webhook = one.webhook === null ? 'none' : `${one.webhook.algorithm} over ${one.webhook.over}, in ${one.webhook.header}`
  return [one.title, operations.join('; '), one.look_up ? 'yes' : 'no', shown, webhook, `${one.proof.rank}: ${one.proof.source}`]
}

function values(channel: Channel): readonly (readonly string[])[] {
  return channel.sandboxValues.map(one => {
    const given = Object.entries(one.give).map(([name, text]) => `${name} ${text}`)
    const ends = one.ends === undefined ? one.outcome : `${one.outcome}, then ${one.ends}`
    return [channel.title, one.title, one.shape, given.join(', '), ends, one.from]
  })
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[], tag: 'th' | 'td') => `<tr>${cells.map(cell => `<${tag}>${escaped(cell)}</${tag}>`).join('')}</tr>`
  return `<div class="scroll"><table><thead>${line(head, 'th')}</thead><tbody>${rows.map(row => line(row, 'td')).join('\n')}</tbody></table></div>`
}
