/** A limit on everything a stranger can send. */
export type Limits = {
  readonly bodyBytesMax: number
  readonly depthMax: number
  readonly headerBytesMax: number
  readonly headersMax: number
  /** From the first byte to the end of the headers, and to the end of the body. */
  readonly headersTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly keepAliveTimeoutMs: number
  /** How often node looks for connections that exceeded the two timeouts. */
  readonly checkIntervalMs: number
  readonly drainTimeoutMs: number
  /** Proxies of ours in front; see clientAddress.ts. */
  readonly trustedProxies: number
  /** Sandbox only: its simulators, calling from this machine with no proxy between, stand in for a TLS terminator. */
  readonly simulatorsTellCertificates: boolean
  /** Requests under way at once; beyond it nothing more is taken on. */
  readonly runningMax: number
  /** Of a hundred blocks of the disk; below it nothing is written. */
  readonly diskFreePctMin: number
  /** One log line for every request. */
  readonly logRequests: boolean
}

export const defaultLimits: Limits = {
  bodyBytesMax: 64 * 1024,
  depthMax: 16,
  headerBytesMax: 16 * 1024,
  headersMax: 100,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 65_000,
  checkIntervalMs: 2_000,
  drainTimeoutMs: 30_000,
  trustedProxies: 0,
  simulatorsTellCertificates: false,
  runningMax: 5_000,
  diskFreePctMin: 15,
  logRequests: true,
}
