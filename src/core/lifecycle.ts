/**
 * A lifecycle is one table: states, and what leads from one to another. From it come the guards, the OpenAPI enum, the diagram and (later)
 * the console's buttons.
 */
export type Edge<State extends string, On extends string> = {
  readonly on: On
  readonly from: readonly State[]
  /** `same`: the status stays, what is known changes. */
  readonly to: State | 'same'
  /** The fact carries its own proof, and may lead out of a terminal state. */
  readonly proven?: true
}

export type Lifecycle<State extends string = string, On extends string = string> = {
  readonly name: string
  readonly states: readonly State[]
  readonly initial: State
  /** No edge leads out of these, except to `same` and where the fact is its own proof. */
  readonly terminal: readonly State[]
  readonly edges: readonly Edge<State, On>[]
}

/** Declares a lifecycle; a contradiction in the table is a bug found when the module loads. */
export function lifecycle<const State extends string, const On extends string>(of: Lifecycle<State, On>): Lifecycle<State, On> {
  const seen = new Set<string>()
  for (const edge of of.edges) {
    for (const from of edge.from) {
      const name = `${from} on ${edge.on}`
      if (seen.has(name)) throw new TypeError(`${of.name}: two edges ${name}`)
      seen.add(name)
      if (of.terminal.includes(from) && edge.to !== 'same' && edge.proven !== true)
        throw new TypeError(`${of.name}: ${name} would revive a terminal state`)
    }
  }
  return of
}

/** The state after `on`, or undefined where the table has no such edge. */
export function next<State extends string, On extends string>(of: Lifecycle<State, On>, state: State, on: On): State | undefined {
  const edge = of.edges.find(one => one.on === on && one.from.includes(state))
  if (edge === undefined) return undefined
  return edge.to === 'same' ? state : edge.to
}

/** The table as a Mermaid state diagram. */
export function diagram<State extends string, On extends string>(of: Lifecycle<State, On>): string {
  const lines = ['stateDiagram-v2', `  [*] --> ${of.initial}`]
  for (const edge of of.edges) {
    if (edge.to === 'same') continue
    for (const from of edge.from) lines.push(`  ${from} --> ${edge.to}: ${edge.on}`)
  }
  for (const state of of.terminal) lines.push(`  ${state} --> [*]`)
  return lines.join('\n')
}
