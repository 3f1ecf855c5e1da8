/** What an operator's Prometheus reads: durations by endpoint and status, requests in flight, event loop lag. No tenant anywhere. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

export type Metrics = {
  observe(endpoint: string, status: number, ms: number): void
  /** So many card numbers were kept from leaving. */
  withheld(count: number): void
  /** The registry others may add their own metrics to. */
  readonly registry: Registry
}

/** A number that others count, read when it is asked for. It only grows. */
export type Count = { readonly name: string; readonly help: string; readonly read: () => number }

/** What stands so high at the moment, by these labels; asked of whoever knows when it is read. Fails: it is left out, and the rest is told. */
export type Level = {
  readonly name: string
  readonly help: string
  readonly labels: readonly string[]
  readonly levels: () => Promise<readonly { readonly of: Readonly<Record<string, string>>; readonly value: number }[]>
}
export type Told = Count | Level

function tellLevel(registry: Registry, { name, help, labels, levels }: Level): void {
  new Gauge({
    ...{ name, help, labelNames: [...labels], registers: [registry] },
    async collect() {
      this.reset()
      for (const { of, value } of await levels().catch(() => [])) this.set(of, value)
    },
  })
}

export function createMetrics(running: () => number, told: readonly Told[] = []): Metrics {
  const registry = new Registry()
  // Event loop lag, memory, garbage collection, file handles.
  collectDefaultMetrics({ register: registry })
  const durations = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'From the headers read to the answer written, by endpoint and status.',
    labelNames: ['endpoint', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers: [registry],
  })
  new Gauge({
    name: 'http_requests_in_flight',
    help: 'Requests being answered now.',
    registers: [registry],
    collect() {
      this.set(running())
    },
  })
  const withheld = new Counter({
    name: 'card_numbers_withheld_total',
    help: 'Card numbers that were about to leave in an answer. Any at all is an alarm.',
    registers: [registry],
  })
  for (const one of told)
    if ('levels' in one) tellLevel(registry, one)
    else
      new Counter({
        ...{ name: one.name, help: one.help, registers: [registry] },
        collect() {
          this.reset()
          this.inc(one.read())
        },
      })
  const known = new Map<string, Map<number, { observe(seconds: number): void }>>()
  const childOf = (endpoint: string, status: number) => {
    const child = durations.labels(endpoint, String(status))
    const ofEndpoint = known.get(endpoint) ?? new Map()
    known.set(endpoint, ofEndpoint.set(status, child))
    return child
  }
  return {
    registry,
    withheld: count => withheld.inc(count),
    observe: (endpoint, status, ms) => (known.get(endpoint)?.get(status) ?? childOf(endpoint, status)).observe(ms / 1000),
  }
}
